import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { LocalSettings } from '../../stacks/local-settings.ts';
import { STACK } from './cdktf.ts';
import { REPOSITORY } from './repository.ts';

interface TerraformState {
  readonly resources?: readonly {
    readonly type: string;
    readonly instances: readonly {
      readonly attributes: { readonly triggers_replace?: { readonly value: { readonly settings: LocalSettings } } };
    }[];
  }[];
}

/** The settings that the local stack was deployed with, from Terraform's state; `undefined` when it is not deployed. */
export function deployedSettings(): LocalSettings | undefined {
  const file = path.join(REPOSITORY, `terraform.${STACK}.tfstate`);
  if (!existsSync(file)) return undefined;
  const state = JSON.parse(readFileSync(file, 'utf8')) as TerraformState;
  const server = state.resources?.find(({ type }) => type === 'terraform_data');
  return server?.instances[0]?.attributes.triggers_replace?.value.settings;
}
