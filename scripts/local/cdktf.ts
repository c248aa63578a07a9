import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { REPOSITORY } from './repository.ts';
import { UserError } from './user-error.ts';

/** The stack that the commands of this folder deploy and destroy. */
export const STACK = 'local';

/**
 * Runs `cdktf deploy local` or `cdktf destroy local`, with everything it prints on standard error.
 *
 * @throws UserError when it fails; what it printed says why
 */
export async function cdktf(command: 'deploy' | 'destroy'): Promise<void> {
  // The built-in provider has no checksums to lock, and looking for some would need the network.
  const args = [command, STACK, '--auto-approve', '--skip-provider-lock', ...(hasColors() ? [] : ['--no-color'])];
  const child = spawn(path.join(REPOSITORY, 'node_modules/.bin/cdktf'), args, {
    cwd: REPOSITORY,
    stdio: ['ignore', 2, 2],
    env: environment(),
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new UserError(`cdktf ${command} failed, for the reason that it gives above.`);
}

function hasColors(): boolean {
  return process.stderr.isTTY && (process.env['NO_COLOR'] ?? '') === '';
}

function environment(): NodeJS.ProcessEnv {
  const { TF_CLI_CONFIG_FILE: terraformSettings, ...rest } = process.env;
  // Terraform warns many times over about a settings file that does not exist.
  const kept = terraformSettings !== undefined && existsSync(terraformSettings);
  return {
    ...rest,
    ...(kept ? { TF_CLI_CONFIG_FILE: terraformSettings } : {}),
    PATH: [path.join(REPOSITORY, 'node_modules/.bin'), path.dirname(process.execPath), rest['PATH']].join(
      path.delimiter,
    ),
    /** No question to HashiCorp whether there is a newer version. */
    CHECKPOINT_DISABLE: '1',
    /** Lines instead of a screen that is drawn again and again. */
    CI: '1',
  };
}
