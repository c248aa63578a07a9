import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { awsSettingsSchema } from '../../stacks/aws-settings.ts';
import { REPOSITORY } from '../support/repository.ts';

const read = (file: string) => readFileSync(path.join(REPOSITORY, file), 'utf8');

/** Names of the props of an interface in a file. */
function propsOf(file: string, name: string): readonly string[] {
  const [, body = ''] = new RegExp(`export interface ${name}\\b[^{]*\\{([\\s\\S]*?)\\n\\}`).exec(read(file)) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, prop = '']) => prop);
}

describe('the documentation of the constructs', () => {
  test('docs/constructs.md names every prop of ContainerRegistry', () => {
    const props = [
      ...propsOf('constructs/aws/container-registry-props.ts', 'ContainerRegistryProps'),
      ...propsOf('constructs/aws/virtual-machine.ts', 'MachineOptions'),
      ...propsOf('constructs/shared/data-removal.ts', 'DataRemovalProps'),
      ...propsOf('constructs/shared/registry-settings.ts', 'RegistrySettings'),
    ].filter((prop) => !['dataDirectory', 'listenHost', 'tls'].includes(prop));
    expect(props.length).toBeGreaterThan(30);
    const page = read('docs/constructs.md');
    expect(props.filter((prop) => !page.includes(`\`${prop}\``))).toEqual([]);
  });

  test('settings/aws.example.yml explains every option of the AWS stack', () => {
    const example = read('settings/aws.example.yml');
    const options = Object.keys(awsSettingsSchema.shape);
    expect(options.filter((option) => !new RegExp(`^(# )?${option}:`, 'm').test(example))).toEqual([]);
  });
});
