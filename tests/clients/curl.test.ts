import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Image, image } from '../support/oci-image.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeWith } from '../support/requirements.ts';
import { runCommand, tryCommand } from '../support/run-command.ts';

/** The API by hand, as the specification's readers try it: https://distribution.github.io/distribution/spec/auth/token/ */
describeWith(['curl'], 'curl with login over TLS', () => {
  let registry: RegistryProcess;
  let pushed: Image;

  beforeAll(async () => {
    registry = await startRegistry({ login: 'token' });
    pushed = image({ layerSize: 10_000 });
    const admin = registry.client();
    await admin.pushImage('group/project', pushed, 'latest');
    admin.close();
  });
  afterAll(() => registry.stop());

  const curl = (...args: string[]) =>
    runCommand('curl', ['--silent', '--show-error', '--cacert', registry.caFile, ...args]);

  async function token(): Promise<string> {
    const { username, password } = registry.credentials;
    const url = `${registry.url}/jwt/auth?service=container_registry&scope=repository:group/project:pull,push`;
    const { stdout } = await curl('--user', `${username}:${password}`, url);
    return JSON.parse(stdout).token;
  }

  test('is told where to get a token', async () => {
    const { stdout } = await curl('--include', `${registry.url}/v2/`);
    expect(stdout).toMatch(/^HTTP\/1\.1 401/);
    expect(stdout).toMatch(
      new RegExp(`www-authenticate: Bearer realm="${registry.url}/jwt/auth",service="container_registry"`, 'i'),
    );
  });

  test('does not trust the registry without its CA', async () => {
    const { exitCode } = await tryCommand('curl', ['--silent', `${registry.url}/v2/`]);
    expect(exitCode).toBe(60);
  });

  test('reads a manifest with a token', async () => {
    const header = `Authorization: Bearer ${await token()}`;
    const { stdout } = await curl('--header', header, `${registry.url}/v2/group/project/manifests/latest`);
    expect(stdout).toBe(pushed.manifest.bytes.toString());
  });

  test('pushes a blob of more than a megabyte, for which it waits for 100 Continue', async () => {
    const header = `Authorization: Bearer ${await token()}`;
    const bytes = 'x'.repeat(1_500_000);
    const started = await curl(
      '--include',
      '--request',
      'POST',
      '--header',
      header,
      `${registry.url}/v2/group/project/blobs/uploads/`,
    );
    const location = /^location: (.+)\r$/im.exec(started.stdout)?.[1];
    const result = await runCommand(
      'curl',
      [
        ...['--silent', '--cacert', registry.caFile, '--header', header, '--header', 'Expect: 100-continue'],
        ...['--request', 'PATCH', '--header', 'Content-Type: application/octet-stream', '--data-binary', '@-'],
        ...['--output', '/dev/null', '--write-out', '%{http_code}', `${registry.url}${location}`],
      ],
      { input: bytes },
    );
    expect(result.stdout).toBe('202');
  });
});
