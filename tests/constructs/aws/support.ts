import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { TerraformStack, Testing } from 'cdktf';
import { ContainerRegistry, type ContainerRegistryProps, RegistryImage } from '../../../constructs/index.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

/** The parts of Terraform's JSON that a stack synthesises to. */
export interface SynthesizedStack {
  readonly resource: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly data?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The stack that `build` fills, as Terraform JSON. */
export function synth(build: (stack: TerraformStack) => void): SynthesizedStack {
  const stack = new TerraformStack(Testing.app(), 'stack');
  new AwsProvider(stack, 'aws', { region: 'eu-central-1' });
  build(stack);
  return JSON.parse(Testing.synth(stack, true));
}

/** The only resource of a type. */
export function only(stack: SynthesizedStack, type: string): Readonly<Record<string, unknown>> {
  const found = Object.values(stack.resource[type] ?? {});
  if (found.length !== 1) throw new Error(`the stack has ${found.length} resources of type ${type}`);
  return found[0] as Readonly<Record<string, unknown>>;
}

/** Addresses of all resources, as Terraform writes them, in order. */
export function addresses(stack: SynthesizedStack): readonly string[] {
  const all = Object.entries(stack.resource);
  return all.flatMap(([type, resources]) => Object.keys(resources).map((name) => `${type}.${name}`)).sort();
}

const images = temporaryDirectory('image');
process.once('exit', () => images.remove());

/** A file in place of an image archive; what is in it matters to nothing here. */
export function someImage(): RegistryImage {
  const file = path.join(images.path, 'image.tar');
  writeFileSync(file, 'layers');
  return RegistryImage.fromArchive(file);
}

/** Props that are enough for a registry. */
export function minimalProps(): ContainerRegistryProps {
  return { image: someImage(), endpoint: { mode: 'own-domain', domain: 'registry.example.com' } };
}

export function synthRegistry(props: Partial<ContainerRegistryProps> = {}): SynthesizedStack {
  return synth((stack) => {
    new ContainerRegistry(stack, 'registry', { ...minimalProps(), ...props });
  });
}

/** The message that making a construct ends with. */
export function faultOf(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
}
