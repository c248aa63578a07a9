import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { ConfigurationError } from '../errors/configuration-error.ts';
import { configCommand } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT } from './exit-codes.ts';
import { reindexCommand } from './reindex.ts';
import { serveCommand } from './serve.ts';
import { siblingCommand } from './sibling.ts';
import { userCommand } from './user.ts';

/**
 * Runs the command that the arguments name. What only one command needs is imported when it runs, so that the others are quick.
 *
 * @param args without the program and its file
 * @returns the exit code
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    return report(error);
  }
}

function program(): Command {
  const commands = [serveCommand(), configCommand(), reindexCommand(), userCommand(), doctorCommand()];
  const root = new Command('registry')
    .description('A container registry with its own login and token endpoint')
    .version(packageJson.version, '--version')
    .addHelpText(
      'after',
      `\nExit codes: ${EXIT.ok} done, ${EXIT.failed} failed, ${EXIT.usage} wrong usage, ${EXIT.configuration} the configuration has faults.`,
    );
  for (const command of commands) root.addCommand(command);
  root.addCommand(siblingCommand(), { hidden: true });
  return throwing(root);
}

/** Makes commander throw in place of ending the process. */
function throwing(command: Command): Command {
  command.exitOverride();
  for (const child of command.commands) throwing(child);
  return command;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message itself, except for faults that an action finds in its arguments.
    if (error.code === 'commander.invalidArgument') console.error(`error: ${error.message}`);
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (error instanceof ConfigurationError) {
    console.error(error.message);
    return EXIT.configuration;
  }
  console.error(`error: ${error instanceof Error ? textOf(error) : String(error)}`);
  return EXIT.failed;
}

/** A sentence for the operator, from us or from the system; the stack only where the program itself is at fault. */
function textOf(error: Error & { code?: unknown }): string {
  const isExpected = error.constructor === Error || typeof error.code === 'string';
  return isExpected ? error.message : (error.stack ?? error.message);
}
