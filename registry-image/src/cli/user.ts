import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { Command, InvalidArgumentError } from 'commander';
import type { Config } from '../config/schema.ts';
import { readConfig, withConfigFile } from './config-file.ts';
import { EXIT } from './exit-codes.ts';

export function userCommand(): Command {
  return new Command('user')
    .description('the users of the token endpoint (tokenendpoint.htpasswd) or of auth.htpasswd')
    .addCommand(add())
    .addCommand(remove())
    .addCommand(list());
}

function add(): Command {
  return withName(new Command('add'))
    .description('add a user, or give an existing one a new password: a random one, printed once')
    .option('--password-stdin', 'take the password from standard input, one line')
    .action(async (words: string[], { passwordStdin }: { passwordStdin?: boolean }) => {
      const [file, name] = fileAndName(words);
      const path = await userFile(file);
      const { setPassword } = await import('../auth/htpasswd-edit.ts');
      const password = passwordStdin ? await readPassword() : randomBytes(18).toString('base64url');
      const isNew = await setPassword(path, name, password);
      console.error(isNew ? `user ${name} added to ${path}` : `user ${name} of ${path} has a new password`);
      if (!passwordStdin) console.log(password);
    });
}

function remove(): Command {
  return withName(new Command('remove'))
    .description('remove a user; a running server notices, tokens that it has given out stay good until they expire')
    .action(async (words: string[]) => {
      const [file, name] = fileAndName(words);
      const path = await userFile(file);
      const { listUsers, removeUser } = await import('../auth/htpasswd-edit.ts');
      if (await removeUser(path, name)) {
        console.error(`user ${name} removed from ${path}`);
        return;
      }
      console.error(`${path} has no user ${name}; it has ${(await listUsers(path)).join(', ') || 'none'}`);
      process.exitCode = EXIT.failed;
    });
}

function list(): Command {
  return withConfigFile(new Command('list'))
    .description('print the names of the users, one a line')
    .action(async (file: string | undefined) => {
      const { listUsers } = await import('../auth/htpasswd-edit.ts');
      for (const name of await listUsers(await userFile(file))) console.log(name);
    });
}

/** `[config] <name>`, which commander itself cannot say. */
function withName(command: Command): Command {
  return command
    .argument('<words...>', 'the name of the user, after the configuration file if it is not the default')
    .usage('[options] [config] <name>');
}

function fileAndName(words: readonly string[]): readonly [string | undefined, string] {
  if (words.length > 2) throw new InvalidArgumentError(`expected [config] <name>, received ${words.join(' ')}`);
  return words.length === 2 ? [words[0], words[1] as string] : [undefined, words[0] as string];
}

/** The file that logins are checked against. */
async function userFile(file: string | undefined): Promise<string> {
  const { config } = await readConfig(file);
  const path = userFileOf(config);
  if (path === undefined) {
    throw new Error(
      'the configuration names no user file: logins are checked by another server, or not at all; set tokenendpoint.htpasswd',
    );
  }
  return path;
}

function userFileOf(config: Config): string | undefined {
  return config.tokenendpoint?.htpasswd ?? config.auth.htpasswd?.path;
}

async function readPassword(): Promise<string> {
  const input = await text(process.stdin);
  return input.replace(/\r?\n$/, '');
}
