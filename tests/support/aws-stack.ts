import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { REPOSITORY } from './repository.ts';
import { findTool } from './requirements.ts';
import { type CommandResult, runCommand, tryCommand } from './run-command.ts';

/** The version that @cdktf/provider-aws was generated from. */
const PROVIDER = 'registry.terraform.io/hashicorp/aws/5.100.0';

/** A folder with Terraform providers: what TF_PLUGIN_MIRROR names, a usual place of Terraform, or a folder of /opt. */
function findProviderMirror(): string | undefined {
  const opt = existsSync('/opt') ? readdirSync('/opt').map((name) => path.join('/opt', name)) : [];
  const home = process.env['HOME'] ?? '/root';
  const usual = [path.join(home, '.terraform.d/plugins'), '/usr/local/share/terraform/plugins'];
  const candidates = [process.env['TF_PLUGIN_MIRROR'], ...usual, ...opt];
  return candidates.find((folder) => folder !== undefined && existsSync(path.join(folder, PROVIDER)));
}

/** Why AWS stacks cannot be applied on this machine, or `undefined` when they can. */
export function reasonNotToApply(): string | undefined {
  for (const tool of ['terraform', 'moto_server'] as const) {
    if (findTool(tool) === undefined) return `${tool} not found on this machine`;
  }
  if (findProviderMirror() !== undefined) return undefined;
  return `no Terraform mirror with ${PROVIDER}; name its folder in TF_PLUGIN_MIRROR`;
}

/**
 * Merged into the stack by Terraform (https://developer.hashicorp.com/terraform/language/files/override), so that the stack itself
 * knows nothing of the mock, and the state of a real deployment from this directory is left alone.
 */
function override(stateFile: string) {
  const aws = {
    access_key: 'test',
    secret_key: 'test',
    s3_use_path_style: true,
    skip_metadata_api_check: 'true',
    skip_credentials_validation: true,
    skip_region_validation: true,
  };
  return { provider: { aws }, terraform: { backend: { local: { path: stateFile } } } };
}

export interface StateResource {
  readonly address: string;
  readonly type: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The AWS stack of this repository, synthesised from a settings file and run by Terraform against a mock of AWS. */
export class AwsStack {
  readonly #directory: string;
  readonly #env: Record<string, string>;

  /**
   * @param directory an empty directory
   * @param endpoint URL of moto
   */
  constructor(directory: string, endpoint: string) {
    this.#directory = path.join(directory, 'cdktf.out');
    const cliConfig = path.join(directory, 'terraformrc');
    writeFileSync(
      cliConfig,
      `disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = "${findProviderMirror()}"\n  }\n}\n`,
    );
    this.#env = {
      TF_CLI_CONFIG_FILE: cliConfig,
      TF_IN_AUTOMATION: '1',
      CHECKPOINT_DISABLE: '1',
      AWS_ENDPOINT_URL: endpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
      CDKTF_OUTDIR: this.#directory,
    };
  }

  /** Writes the stack as Terraform JSON, as `cdktf synth` does. */
  async synth(settingsFile: string): Promise<CommandResult> {
    const env = { ...this.#env, REGISTRY_AWS_SETTINGS: settingsFile };
    const result = await tryCommand(process.execPath, ['stacks/main.ts'], { cwd: REPOSITORY, env });
    if (result.exitCode === 0) {
      const stateFile = path.join(path.dirname(this.#directory), 'terraform.tfstate');
      writeFileSync(path.join(this.#stack, 'moto_override.tf.json'), JSON.stringify(override(stateFile)));
    }
    return result;
  }

  /** Runs Terraform; it must succeed. */
  terraform(...args: string[]): Promise<CommandResult> {
    return runCommand('terraform', args, { cwd: this.#stack, env: this.#env });
  }

  /** Runs Terraform, whatever comes of it. */
  tryTerraform(...args: string[]): Promise<CommandResult> {
    return tryCommand('terraform', args, { cwd: this.#stack, env: this.#env });
  }

  /** Everything that Terraform has made. */
  async resources(): Promise<readonly StateResource[]> {
    const { stdout } = await this.terraform('show', '-json');
    return JSON.parse(stdout).values?.root_module.resources ?? [];
  }

  async outputs(): Promise<Readonly<Record<string, string>>> {
    const { stdout } = await this.terraform('output', '-json');
    const outputs = Object.entries(JSON.parse(stdout) as Record<string, { value: string }>);
    return Object.fromEntries(outputs.map(([name, { value }]) => [name, value]));
  }

  /** The state as Terraform keeps it. */
  async state(): Promise<string> {
    return (await this.terraform('state', 'pull')).stdout;
  }

  get #stack(): string {
    return path.join(this.#directory, 'stacks/aws');
  }
}
