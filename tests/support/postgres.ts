import { chmodSync, existsSync } from 'node:fs';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { POSTGRESQL_PROGRAMS } from './requirements.ts';
import { runCommand } from './run-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A PostgreSQL server of its own, with one empty database. */
export interface PostgresServer {
  /** postgresql://user@host:port/database */
  readonly url: string;
  /** Runs a statement. @returns the answer's rows, a line each */
  query(statement: string): Promise<string[]>;
  /** @returns the URL of another empty database */
  createDatabase(name: string): Promise<string>;
  stop(): Promise<void>;
}

const USER = 'registry';

/** Starts PostgreSQL 15 on 127.0.0.1 in a temporary directory; the caller stops it. Durability is off: nothing here outlives a test. */
export async function startPostgres(): Promise<PostgresServer> {
  const directory = temporaryDirectory('postgres');
  const data = path.join(directory.path, 'data');
  const port = await freePort();
  // PostgreSQL refuses to run as root; its Debian package brings a user for it.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    chmodSync(directory.path, 0o755);
    await runCommand('chown', ['postgres', directory.path]);
  }
  const run = (program: string, ...args: string[]) => {
    const command = [path.join(POSTGRESQL_PROGRAMS, program), ...args];
    // The working directory must be one that this user may enter.
    const options = { cwd: '/' };
    return isRoot
      ? runCommand('runuser', ['-u', 'postgres', '--', ...command], options)
      : runCommand(command[0] as string, command.slice(1), options);
  };
  await run('initdb', '-D', data, '-A', 'trust', '-U', USER, '--no-sync', '-E', 'UTF8', '--locale=C');
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: directory.path,
    fsync: 'off',
    full_page_writes: 'off',
  };
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const log = path.join(directory.path, 'log');
  await run('pg_ctl', '-D', data, '-w', '-l', log, '-o', `-p ${port} ${options.join(' ')}`, 'start');
  const urlOf = (database: string) => `postgresql://${USER}@127.0.0.1:${port}/${database}`;
  return {
    url: urlOf('postgres'),
    query: async (statement) => {
      const { stdout } = await run(
        'psql',
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        USER,
        '-At',
        '-c',
        statement,
        'postgres',
      );
      return stdout.split('\n').filter(Boolean);
    },
    createDatabase: async (name) => {
      await run('createdb', '-h', '127.0.0.1', '-p', String(port), '-U', USER, name);
      return urlOf(name);
    },
    stop: async () => {
      if (existsSync(path.join(data, 'postmaster.pid'))) await run('pg_ctl', '-D', data, '-m', 'fast', 'stop');
      directory.remove();
    },
  };
}
