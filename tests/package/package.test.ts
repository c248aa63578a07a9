import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { REPOSITORY } from '../support/repository.ts';
import { runCommand } from '../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts';

/** A stack of somebody else's that composes the registry, in syntax that both module systems take. */
const STACK = `
import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { App, TerraformStack } from 'cdktf';
import { Bucket, ContainerRegistry, type ContainerRegistryProps, RegistryImage, ValidationError } from 'cdktf-container-registry';

const app = new App();
const stack = new TerraformStack(app, 'mine');
new AwsProvider(stack, 'aws', { region: 'eu-central-1' });
const props: ContainerRegistryProps = {
  image: RegistryImage.fromArchive('image.tar'),
  endpoint: { mode: 'port', host: 'gitlab.example.com', port: 5050 },
  bucket: new Bucket(stack, 'images', { noncurrentVersionDays: 7 }),
  garbageCollection: { schedule: '5 4 * * 0' },
};
const registry = new ContainerRegistry(stack, 'registry', props);
console.log(registry.usage.login);
try {
  new ContainerRegistry(stack, 'wrong', { ...props, internalPort: 5050 });
} catch (error) {
  if (error instanceof ValidationError) console.log(error.constructPath, error.faults.map(({ prop }) => prop));
}
app.synth();
`;

/** What the package brings with it, and what its users bring; all of it from this repository, so that nothing is downloaded. */
const DEPENDENCIES = [
  '@cdktf/provider-aws',
  '@cdktf/provider-tls',
  '@types/node',
  'cdktf',
  'constructs',
  'croner',
  'yaml',
  'zod',
];

describe('the package', () => {
  let directory: TemporaryDirectory;
  let tarball: string;

  beforeAll(async () => {
    directory = temporaryDirectory('package');
    const { stdout } = await runCommand('npm', ['pack', '--json', '--silent', '--pack-destination', directory.path], {
      cwd: REPOSITORY,
    });
    const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
    tarball = path.join(directory.path, filename);
  }, 120_000);
  afterAll(() => directory?.remove());

  /** A small project with the package installed from its tarball. */
  async function project(name: string, type: 'module' | 'commonjs'): Promise<string> {
    const root = path.join(directory.path, name);
    const installed = path.join(root, 'node_modules/cdktf-container-registry');
    mkdirSync(installed, { recursive: true });
    await runCommand('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
    for (const dependency of DEPENDENCIES) {
      const link = path.join(root, 'node_modules', dependency);
      mkdirSync(path.dirname(link), { recursive: true });
      symlinkSync(path.join(REPOSITORY, 'node_modules', dependency), link);
    }
    writeFileSync(path.join(root, 'package.json'), JSON.stringify({ name, type }));
    writeFileSync(path.join(root, 'image.tar'), 'layers');
    // ESM names the file of a package without exports; CommonJS finds it.
    writeFileSync(
      path.join(root, 'main.ts'),
      type === 'module' ? STACK.replace('lib/provider', 'lib/provider/index.js') : STACK,
    );
    return root;
  }

  const compile = (root: string, ...options: string[]) =>
    runCommand(
      path.join(REPOSITORY, 'node_modules/.bin/tsc'),
      ['--strict', '--target', 'es2022', '--types', 'node', '--skipLibCheck', ...options, 'main.ts'],
      { cwd: root },
    );

  async function expectSynthesis(root: string): Promise<void> {
    const { stdout } = await runCommand(process.execPath, ['main.js'], { cwd: root });
    expect(stdout).toBe("docker login --username admin gitlab.example.com:5050\nmine/wrong [ 'endpoint.port' ]\n");
    const synthesized = JSON.parse(readFileSync(path.join(root, 'cdktf.out/stacks/mine/cdk.tf.json'), 'utf8'));
    expect(Object.keys(synthesized.resource)).toEqual(expect.arrayContaining(['aws_s3_bucket', 'aws_instance']));
  }

  test('holds the constructs with their types, and nothing of the server but the schema', async () => {
    const root = await project('contents', 'module');
    const library = path.join(root, 'node_modules/cdktf-container-registry/dist/lib');
    expect(readdirSync(path.join(library, 'registry-image/src')).sort()).toEqual(['config', 'errors']);
    expect(readdirSync(path.join(library, 'constructs'))).toEqual(
      expect.arrayContaining(['index.d.ts', 'index.js', 'aws']),
    );
  });

  test('is type-checked and synthesises in a project of ES modules', async () => {
    const root = await project('esm', 'module');
    await compile(root, '--module', 'nodenext');
    await expectSynthesis(root);
  }, 60_000);

  test('is type-checked and synthesises in a project of CommonJS', async () => {
    const root = await project('commonjs', 'commonjs');
    await compile(root, '--module', 'commonjs', '--moduleResolution', 'bundler');
    await expectSynthesis(root);
  }, 60_000);

  test('loads in the tests of a CommonJS project, which jest runs without flags', async () => {
    const root = await project('jest', 'commonjs');
    writeFileSync(
      path.join(root, 'main.test.js'),
      `const { ContainerRegistry } = require('cdktf-container-registry/aws');
       const { SelfSignedCertificate } = require('cdktf-container-registry/aws/self-signed-certificate');
       test('loads', () => expect([typeof ContainerRegistry, typeof SelfSignedCertificate]).toEqual(['function', 'function']));`,
    );
    const env = { NODE_OPTIONS: '' };
    await runCommand(process.execPath, [path.join(REPOSITORY, 'node_modules/jest/bin/jest.js'), '--rootDir', root], {
      cwd: root,
      env,
    });
  }, 60_000);
});
