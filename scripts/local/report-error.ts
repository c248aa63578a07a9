import { ConfigurationError } from '../../registry-image/src/errors/configuration-error.ts';
import { UserError } from './user-error.ts';

/** Runs a command; what the user can put right is shown as a message, anything else with its stack. Both end with exit code 1. */
export async function reportingErrors(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    const expected = error instanceof UserError || error instanceof ConfigurationError;
    process.stderr.write(`\n${expected ? error.message : ((error as Error).stack ?? error)}\n`);
    process.exitCode = 1;
  }
}
