import path from 'node:path';
import { App, LocalBackend, TerraformOutput, TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { LocalRegistry } from '../constructs/local/local-registry.ts';
import { readLocalSettings, registrySettings } from './local-settings.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '..');

/** A registry on this computer, from settings/local.yml: what `npm run up` deploys. It needs no cloud account and no provider. */
export class LocalRegistryStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const terraformDirectory = path.resolve(App.of(this).outdir, 'stacks', id);
    new LocalBackend(this, {
      path: path.join(path.relative(terraformDirectory, REPOSITORY), `terraform.${id}.tfstate`),
    });
    const options = readLocalSettings(REPOSITORY);
    const registry = new LocalRegistry(this, 'registry', {
      options,
      settings: registrySettings(options, REPOSITORY),
      repository: REPOSITORY,
      terraformDirectory,
    });
    new TerraformOutput(this, 'url', { value: registry.url, staticId: true });
  }
}
