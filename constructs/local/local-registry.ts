import { createHash } from 'node:crypto';
import path from 'node:path';
import { DataResource } from 'cdktf';
import { Construct } from 'constructs';
import { checkedConfig, publicUrl, toYaml } from '../shared/registry-settings.ts';
import { terraformText } from '../shared/terraform-text.ts';
import { type LocalSettings, registrySettings } from './local-settings.ts';
import { serverSourcesDigest } from './server-sources.ts';

export interface LocalRegistryProps {
  readonly settings: LocalSettings;
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
    const { settings, repository, terraformDirectory } = props;
    const registry = registrySettings(settings, repository);
    const config = toYaml(checkedConfig(this, registry));
    this.url = publicUrl(registry.endpoint);

    const script = {
      type: 'local-exec' as const,
      workingDir: path.relative(terraformDirectory, repository),
      interpreter: ['node', 'scripts/local/server.ts'],
    };
    new DataResource(this, 'server', {
      // Everything that a running server depends on: a change replaces it, and the plan names the option that has changed.
      triggersReplace: {
        settings: JSON.parse(terraformText(JSON.stringify(settings))),
        configuration: `sha256:${createHash('sha256').update(config).digest('hex')}`,
        sources: serverSourcesDigest(repository),
      },
      provisioners: [
        {
          ...script,
          when: 'create' as const,
          command: 'start',
          environment: {
            LOCAL_DATA_DIRECTORY: terraformText(settings.dataDirectory),
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
