import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { keyIdsOf } from '../../../registry-image/src/auth/key-id.ts';
import { loadSigningKey, publicJwks } from '../../../registry-image/src/auth/signing-key.ts';
import { readCertificates } from '../../../registry-image/src/keys/pem.ts';
import { describeWith, findTool } from '../../support/requirements.ts';
import { runCommand } from '../../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

let directory: TemporaryDirectory;
let file: string;
beforeEach(() => {
  directory = temporaryDirectory('signing-key');
  file = path.join(directory.path, 'made', 'token.key');
});
afterEach(() => directory.remove());

function write(key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8'): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, key.export({ type: type as 'pkcs8', format: 'pem' }), { mode: 0o600 });
}
const ecKey = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve }).privateKey;
const rsaKey = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength }).privateKey;

describe('the signing key', () => {
  test.each([
    ['ES256', 'ec'],
    ['RS256', 'rsa'],
  ] as const)('for %s is made on first start, for its owner alone, and kept', async (algorithm, type) => {
    const made = await loadSigningKey({ path: file, algorithm });
    expect(made.privateKey.asymmetricKeyType).toBe(type);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    const again = await loadSigningKey({ path: file, algorithm });
    expect(again.ids).toEqual(made.ids);
    expect(again.certificates.map(String)).toEqual(made.certificates.map(String));
  });

  test('is the same for processes that start together', async () => {
    const starts = Array.from({ length: 6 }, () => loadSigningKey({ path: file, algorithm: 'ES256' }));
    const keys = await Promise.all(starts);
    expect(new Set(keys.map(({ ids }) => ids.rfc7638)).size).toBe(1);
    expect(new Set(keys.map(({ certificates }) => String(certificates[0]))).size).toBe(1);
  });

  test('is taken as PKCS #8, SEC 1 or PKCS #1, and with \\n for line ends', async () => {
    write(ecKey(), 'sec1');
    await expect(loadSigningKey({ path: file, algorithm: 'ES256' })).resolves.toBeDefined();
    rmSync(`${file}.crt`);
    write(rsaKey(), 'pkcs1');
    await expect(loadSigningKey({ path: file, algorithm: 'RS256' })).resolves.toBeDefined();
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('\n', '\\n'));
    await expect(loadSigningKey({ path: file, algorithm: 'RS256' })).resolves.toBeDefined();
  });

  test.each([0o640, 0o604, 0o660, 0o644])('is refused with mode %o, with the command that repairs it', async (mode) => {
    write(ecKey());
    chmodSync(file, mode);
    await expect(loadSigningKey({ path: file, algorithm: 'ES256' })).rejects.toThrow(
      `(mode 0${mode.toString(8)}); allowed is 0600 or 0400: chmod 600 ${file}`,
    );
  });

  test('that does not fit the algorithm is refused with what it is and what is needed', async () => {
    write(rsaKey());
    await expect(loadSigningKey({ path: file, algorithm: 'ES256' })).rejects.toThrow(
      /"rsa 2048".*set signingalgorithm to RS256/,
    );
    write(ecKey());
    await expect(loadSigningKey({ path: file, algorithm: 'RS256' })).rejects.toThrow(/"ec prime256v1".*ES256/);
    write(ecKey('P-384'));
    await expect(loadSigningKey({ path: file, algorithm: 'ES256' })).rejects.toThrow(/"ec secp384r1"; ES256 needs/);
    write(rsaKey(1024));
    await expect(loadSigningKey({ path: file, algorithm: 'RS256' })).rejects.toThrow(/2048 bits or more/);
  });

  test('that is damaged or has a passphrase is refused', async () => {
    write(ecKey());
    writeFileSync(file, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
    await expect(loadSigningKey({ path: file, algorithm: 'ES256' })).rejects.toThrow('holds no private key in PEM');
    writeFileSync(file, ecKey().export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }));
    await expect(loadSigningKey({ path: file, algorithm: 'ES256' })).rejects.toThrow('protected by a passphrase');
  });

  test('has its certificate beside it, and one of another key there is refused', async () => {
    const { privateKey } = await loadSigningKey({ path: file, algorithm: 'ES256' });
    const [certificate] = await readCertificates(`${file}.crt`);
    expect(certificate.checkPrivateKey(privateKey)).toBe(true);
    write(ecKey());
    await expect(loadSigningKey({ path: file, algorithm: 'ES256' })).rejects.toThrow(
      'is the certificate of another key',
    );
  });

  test('is published under both its ids, without its private part', async () => {
    const key = await loadSigningKey({ path: file, algorithm: 'ES256' });
    const { keys } = publicJwks(key);
    expect(keys.map(({ kid }) => kid)).toEqual([key.ids.rfc7638, key.ids.libtrust]);
    for (const jwk of keys) {
      expect(jwk).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
      expect(jwk).not.toHaveProperty('d');
    }
  });
});

describe('the ids of a key', () => {
  test('are the thumbprint of RFC 7638, as in its example', async () => {
    // https://www.rfc-editor.org/rfc/rfc7638#section-3.1
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    const key = createPublicKey({ key: { kty: 'RSA', e: 'AQAB', n }, format: 'jwk' });
    expect((await keyIdsOf(key)).rfc7638).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
  });
});

describeWith(['openssl'], 'what openssl says of the key', () => {
  test('libtrust fingerprint: SHA-256 of the public key, 240 bits, base32 in twelve groups', async () => {
    const { ids } = await loadSigningKey({ path: file, algorithm: 'ES256' });
    const script = `openssl pkey -in '${file}' -pubout -outform DER | openssl dgst -sha256 -binary | head -c 30 | base32 | fold -w 4 | paste -sd:`;
    expect(ids.libtrust).toBe((await runCommand('sh', ['-c', script])).stdout.trim());
  });

  test('the certificate verifies by itself', async () => {
    await loadSigningKey({ path: file, algorithm: 'RS256' });
    const openssl = findTool('openssl') as string;
    const result = await runCommand(openssl, ['verify', '-CAfile', `${file}.crt`, `${file}.crt`]);
    expect(result.stdout).toContain('OK');
  });
});
