import { spawnSync } from 'node:child_process';
import { fail, isAtLeast } from './fail.mjs';

/** The first version with `terraform_data`. */
const OLDEST = '1.4.0';

const INSTALL = 'install it from https://developer.hashicorp.com/terraform/install';

/** Ends the command when Terraform, or what TERRAFORM_BINARY_NAME names instead, is missing or too old. */
export function checkTerraform() {
  const program = process.env.TERRAFORM_BINARY_NAME ?? 'terraform';
  const { error, status, stdout, stderr } = spawnSync(program, ['version', '-json'], {
    encoding: 'utf8',
    env: { ...process.env, CHECKPOINT_DISABLE: '1' },
  });
  if (error?.code === 'ENOENT') {
    fail(`Terraform is missing: there is no ${program} on the PATH; ${INSTALL} (${OLDEST} or newer) and try again.`);
  }
  if (error !== undefined || status !== 0) {
    fail(`Terraform does not work: "${program} version" said ${(error?.message ?? stderr).trim()}`);
  }
  const version = versionIn(stdout);
  if (!isAtLeast(version, OLDEST)) {
    fail(`Terraform ${version} is too old: ${OLDEST} or newer is needed; ${INSTALL} and try again.`);
  }
}

/** From JSON, or from the text that versions before 0.13 answer with. */
function versionIn(output) {
  try {
    return JSON.parse(output).terraform_version;
  } catch {
    return /v(\d+\.\d+\.\d+)/.exec(output)?.[1] ?? '0.0.0';
  }
}
