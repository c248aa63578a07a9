import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openAuth } from '../../../registry-image/src/auth/open-auth.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';
import { authConfig } from './auth-settings.ts';

let directory: TemporaryDirectory;
const inDirectory = (name: string) => path.join(directory.path, name);
beforeEach(() => {
  directory = temporaryDirectory('open-auth');
});
afterEach(() => directory.remove());

describe('the start', () => {
  test('makes the key, its certificate and the first user', async () => {
    const config = authConfig(directory.path, {
      endpoint: { initialuser: { name: 'admin', passwordfile: inDirectory('password') } },
    });
    rmSync(inDirectory('htpasswd'));
    const { tokenEndpoint, warnings } = await openAuth(config);
    const password = readFileSync(inDirectory('password'), 'utf8').trim();
    expect(await tokenEndpoint?.users.login({ username: 'admin', password }, '192.0.2.1')).toBe(true);
    expect(['token.key', 'token.key.crt'].map((name) => existsSync(inDirectory(name)))).toEqual([true, true]);
    expect(warnings).toEqual([]);
  });

  test('reports every fault at once, each under its key', async () => {
    const config = authConfig(directory.path, {
      token: { rootcertbundle: inDirectory('missing.crt'), jwks: inDirectory('jwks.json') },
    });
    writeFileSync(inDirectory('jwks.json'), '{}');
    writeFileSync(inDirectory('htpasswd'), 'ana:plain\n');
    writeFileSync(inDirectory('token.key'), 'no key');
    chmodSync(inDirectory('token.key'), 0o600);
    const error = await openAuth(config).catch((error) => error);
    expect(error.faults).toEqual([
      { path: 'auth.token.rootcertbundle', message: `${inDirectory('missing.crt')} does not exist` },
      { path: 'auth.token.jwks', message: expect.stringContaining('at least one key') },
      { path: 'tokenendpoint.privatekey', message: expect.stringContaining('no private key in PEM') },
      { path: 'tokenendpoint.htpasswd', message: expect.stringContaining('line 1 has no bcrypt hash') },
    ]);
  });

  test('fails when the tokens issued here would not be taken here', async () => {
    const { auth, ...config } = authConfig(directory.path);
    const token = { ...(auth.token as NonNullable<typeof auth.token>), signingalgorithms: ['RS256' as const] };
    const error = await openAuth({ ...config, auth: { token } }).catch((error) => error);
    expect(error.faults).toEqual([
      {
        path: 'tokenendpoint.signingalgorithm',
        message: expect.stringContaining('auth.token.signingalgorithms are RS256'),
      },
    ]);
  });

  test('warns of a rootcertbundle without the key that tokens are signed with', async () => {
    await openAuth(authConfig(directory.path));
    const other = authConfig(directory.path, {
      token: { rootcertbundle: inDirectory('token.key.crt') },
      endpoint: { privatekey: inDirectory('other.key') },
    });
    expect((await openAuth(other)).warnings).toEqual([
      expect.stringContaining('does not hold the key of tokenendpoint.privatekey'),
    ]);
    const same = authConfig(directory.path, { token: { rootcertbundle: inDirectory('token.key.crt') } });
    expect((await openAuth(same)).warnings).toEqual([]);
  });

  test('puts the certificate of rootcertbundle into the tokens, when it is the one of the key', async () => {
    await openAuth(authConfig(directory.path));
    const certificate = readFileSync(inDirectory('token.key.crt'), 'utf8');
    rmSync(inDirectory('token.key.crt'));
    writeFileSync(inDirectory('bundle.crt'), certificate);
    const config = authConfig(directory.path, { token: { rootcertbundle: inDirectory('bundle.crt') } });
    const { tokenEndpoint } = await openAuth(config);
    expect(tokenEndpoint?.service.key.certificates.map(String)).toEqual([certificate]);
    expect(existsSync(inDirectory('token.key.crt'))).toBe(false);
  });
});
