import path from 'node:path';
import { parseArgs } from 'node:util';
import { REPOSITORY } from '../local/repository.ts';
import { UserError } from '../local/user-error.ts';

export const USAGE = `Pushes one large layer to this server and pulls it back, and watches the memory of all its processes.

  npm run soak:push                          20 GiB in one request, to a directory
  npm run soak:push -- --driver s3           6 GiB, to a store on this machine that speaks the protocol of S3
  npm run soak:push -- --storage <file>      to whatever the section storage of this YAML file says; its objects stay there
  npm run soak:push -- --size <size>         such as 512MiB or 20GiB
  npm run soak:push -- --chunk <size>        in chunks, each on a connection of its own
  npm run soak:push -- --kill <n>            the server is killed n times in the middle of a chunk and started again
  npm run soak:push -- --bound <size>        memory over idle that is allowed, 200MiB unless said
  npm run soak:push -- --app <directory>     a program of this server that was built before (node scripts/image/write-app-folder.ts
                                             <directory>), instead of the sources as they are now
  npm run soak:push -- --directory <dir>     where the data goes, which is removed at the end; below node_modules/.cache unless said
`;

export type SoakDriver = 'filesystem' | 's3' | 'other';

export interface SoakOptions {
  readonly driver: SoakDriver;
  /** The file of `--storage`. */
  readonly storageFile: string | undefined;
  /** Bytes of the layer. */
  readonly size: number;
  /** Bytes of one request; `undefined`: one request for all of them. */
  readonly chunk: number | undefined;
  /** How often the server is killed. */
  readonly kills: number;
  /** Bytes over idle that are allowed. */
  readonly bound: number;
  /** Folder with the program of the server; `undefined`: the sources. */
  readonly app: string | undefined;
  readonly directory: string;
  readonly help: boolean;
}

const DEFAULT_SIZE: Readonly<Record<SoakDriver, string>> = { filesystem: '20GiB', s3: '6GiB', other: '6GiB' };

/** @throws UserError for an option that does not exist or a value that it does not take */
export function parseOptions(args: readonly string[]): SoakOptions {
  const { driver: driverName, storage, size, chunk, kill, bound, app, directory, help } = parse(args);
  if (storage !== undefined && driverName !== undefined) {
    throw new UserError('--driver and --storage exclude each other: the file says which driver');
  }
  const driver = storage === undefined ? toDriver(driverName ?? 'filesystem') : 'other';
  return {
    driver,
    storageFile: storage === undefined ? undefined : path.resolve(storage),
    size: toBytes('--size', size ?? DEFAULT_SIZE[driver]),
    chunk: chunk === undefined ? undefined : toBytes('--chunk', chunk),
    kills: toCount(kill),
    bound: toBytes('--bound', bound),
    app: app === undefined ? undefined : path.resolve(app),
    directory: path.resolve(directory ?? path.join(REPOSITORY, 'node_modules/.cache/soak')),
    help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        driver: { type: 'string' },
        storage: { type: 'string' },
        size: { type: 'string' },
        chunk: { type: 'string' },
        kill: { type: 'string', default: '0' },
        bound: { type: 'string', default: '200MiB' },
        app: { type: 'string' },
        directory: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new UserError(`${(cause as Error).message}; npm run soak:push -- --help shows the options`, { cause });
  }
}

function toDriver(text: string): SoakDriver {
  if (text === 'filesystem' || text === 's3') return text;
  throw new UserError(`--driver takes filesystem or s3, not "${text}"; other stores go into a file for --storage`);
}

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function toBytes(option: string, text: string): number {
  const [, count = '', unit = ''] = /^(\d+)([KMG]iB)$/.exec(text) ?? [];
  const bytes = Number(count) * (UNITS[unit] ?? 0);
  if (bytes > 0) return bytes;
  throw new UserError(`${option} takes a size such as 512MiB or 20GiB, not "${text}"`);
}

function toCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= 99) return count;
  throw new UserError(`--kill takes a number from 0 to 99, not "${text}"`);
}
