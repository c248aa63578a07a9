import path from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../local/user-error.ts';

export const USAGE = `Measures this server against Debian's docker-registry, on this machine.

  npm run bench                          every case; writes docs/performance
  npm run bench -- --quick               the same in a fifth of the time, with fewer and shorter rounds
  npm run bench -- --only <pattern>      cases whose name matches, such as 'manifest-get' or 'push-.*'; printed, not written
  npm run bench -- --list                the cases and their goals
  npm run bench -- --rounds <n>          rounds of every case
  npm run bench -- --peer <program>      one more registry that takes "serve <config.yml>", such as a distribution 3; may repeat
  npm run bench -- --app <directory>     a program of this server that was built before (node scripts/image/write-app-folder.ts
                                         <directory>), instead of the sources as they are now
  npm run bench -- --out <directory>     where results.json, README.md and chart.svg are written
`;

export interface BenchOptions {
  readonly only: RegExp | undefined;
  /** Rounds of every case; `undefined` leaves that to each case. */
  readonly rounds: number | undefined;
  readonly quick: boolean;
  /** Paths of further registries. */
  readonly peers: readonly string[];
  /** Folder with the program of this server; `undefined`: it is built from the sources. */
  readonly app: string | undefined;
  /** Absolute path; `undefined`: the result is printed alone. */
  readonly out: string | undefined;
  readonly list: boolean;
  readonly help: boolean;
}

/**
 * @param defaultOut where the result of all cases goes
 * @throws UserError for an option that does not exist or a value that it does not take
 */
export function parseOptions(args: readonly string[], defaultOut: string): BenchOptions {
  const { only, rounds, quick, peer, app, out, list, help } = parse(args);
  const pattern = only === undefined ? undefined : toPattern(only);
  const wholeOut = pattern === undefined ? defaultOut : undefined;
  return {
    only: pattern,
    rounds: rounds === undefined ? undefined : toRounds(rounds),
    quick,
    peers: peer.map((program) => path.resolve(program)),
    app: app === undefined ? undefined : path.resolve(app),
    out: out === undefined ? wholeOut : path.resolve(out),
    list,
    help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        rounds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        peer: { type: 'string', multiple: true, default: [] },
        app: { type: 'string' },
        out: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new UserError(`${(cause as Error).message}; npm run bench -- --help shows the options`, { cause });
  }
}

function toPattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new UserError(`--only takes a regular expression, such as 'manifest-.*-16', not "${text}"`, { cause });
  }
}

function toRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= 99) return rounds;
  throw new UserError(`--rounds takes a number from 1 to 99, not "${text}"`);
}
