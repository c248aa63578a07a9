import { createHash } from 'node:crypto';
import path from 'node:path';
import { DataResource } from 'cdktf';
import { Construct } from 'constructs';
import { publicUrl } from '../shared/endpoint.ts';
import type { RegistrySettings } from '../shared/registry-settings.ts';
import { checkedConfig, toYaml } from '../shared/render-config.ts';
import { terraformText } from '../shared/terraform-text.ts';
import { serverSourcesDigest } from './server-sources.ts';

/** What the user has chosen, as it is written in the settings file: a plan shows these. */
export interface LocalRegistryOptions {
  /** Relative to the repository, or absolute. */
  readonly dataDirectory: string;
  readonly [option: string]: unknown;
}

export interface LocalRegistryProps {
  readonly options: LocalRegistryOptions;
  /** The same in the words of the constructs, with absolute paths. */
  readonly settings: RegistrySettings;
  /** Root of the repository, which holds the server. */
  readonly repository: string;
  /** Directory that Terraform runs in. Everything in the stack is written relative to it, so that the clone can be moved. */
  readonly terraformDirectory: string;
}

/**
 * The server of this repository as a process of this computer: made is started, destroyed is stopped, and the data stays.
 * It needs no provider: `terraform_data` is built into Terraform, and its provisioners call scripts/local/server.ts.
 */
export class LocalRegistry extends Construct {
  /** The URL that clients use. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: LocalRegistryProps) {
    super(scope, id);
    const { options, settings, repository, terraformDirectory } = props;
    const config = toYaml(checkedConfig(this, settings));
    this.url = publicUrl(settings.endpoint);

    const script = {
      type: 'local-exec' as const,
      workingDir: path.relative(terraformDirectory, repository),
      interpreter: ['node', 'scripts/local/server.ts'],
    };
    new DataResource(this, 'server', {
      // Everything that a running server depends on: a change replaces it, and the plan names the option that has changed.
      triggersReplace: {
        settings: JSON.parse(terraformText(JSON.stringify(options))),
        configuration: `sha256:${createHash('sha256').update(config).digest('hex')}`,
        sources: serverSourcesDigest(repository),
      },
      provisioners: [
        {
          ...script,
          when: 'create' as const,
          command: 'start',
          environment: {
            LOCAL_DATA_DIRECTORY: terraformText(options.dataDirectory),
            LOCAL_CONFIGURATION: terraformText(config),
          },
        },
        {
          ...script,
          when: 'destroy' as const,
          command: 'stop',
          // Only what is in the state can be named here; it is the directory that the server was started with.
          environment: { LOCAL_DATA_DIRECTORY: `\${self.triggers_replace.settings.dataDirectory}` },
        },
      ],
    });
  }
}
