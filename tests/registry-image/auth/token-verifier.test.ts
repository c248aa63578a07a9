import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { keyIdsOf } from '../../../registry-image/src/auth/key-id.ts';
import { TokenVerifier, type TokenVerifierOptions } from '../../../registry-image/src/auth/token-verifier.ts';
import { TrustedKeys } from '../../../registry-image/src/auth/trusted-keys.ts';
import { type Issuer, makeCertificate } from '../../../registry-image/src/keys/make-certificate.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const directory = temporaryDirectory('verifier');
const inDirectory = (name: string) => path.join(directory.path, name);
const ecKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const now = () => Math.floor(Date.now() / 1000);

const key = ecKey();
const strangerKey = ecKey();
const authorityKey = ecKey();
let kid: string;
let authority: Issuer;

beforeAll(async () => {
  kid = (await keyIdsOf(key)).rfc7638;
  const certificate = await makeCertificate({
    commonName: 'CA',
    privateKey: authorityKey,
    days: 30,
    purpose: 'authority',
  });
  authority = { certificate, privateKey: authorityKey };
  writeFileSync(inDirectory('ca.crt'), certificate.toString());
});
afterAll(() => directory.remove());

interface Changes {
  readonly header?: Partial<JWTHeaderParameters>;
  readonly claims?: JWTPayload;
  readonly signer?: KeyObject;
}

function sign({ header, claims, signer = key }: Changes = {}): Promise<string> {
  return new SignJWT({
    iss: 'issuer',
    aud: 'service',
    sub: 'ana',
    exp: now() + 300,
    nbf: now(),
    access: [{ type: 'repository', name: 'group/app', actions: ['pull'] }],
    ...claims,
  })
    .setProtectedHeader({ typ: 'JWT', alg: 'ES256', kid, ...header } as JWTHeaderParameters)
    .sign(signer);
}

async function verifierOf(
  trust: (keys: TrustedKeys) => Promise<unknown>,
  options: Partial<TokenVerifierOptions> = {},
): Promise<TokenVerifier> {
  const keys = new TrustedKeys();
  await trust(keys);
  return new TokenVerifier({ keys, issuer: 'issuer', service: 'service', algorithms: ['ES256', 'RS256'], ...options });
}
const ownVerifier = (options?: Partial<TokenVerifierOptions>) =>
  verifierOf((keys) => keys.addKey(createPublicKey(key)), options);

describe('a token', () => {
  test('says who and what', async () => {
    const access = await (await ownVerifier()).verify(await sign());
    expect(access.subject).toBe('ana');
    expect(access.allows('repository', 'group/app', 'pull')).toBe(true);
    expect(access.allows('repository', 'group/app', 'push')).toBe(false);
    expect(access.allows('repository', 'group/app2', 'pull')).toBe(false);
    expect(access.allows('registry', 'group/app', 'pull')).toBe(false);
  });

  test('may have a list of audiences, null for no subject and no access, and * for every action', async () => {
    const verifier = await ownVerifier();
    await verifier.verify(await sign({ claims: { aud: ['other', 'service'] } }));
    const empty = await verifier.verify(await sign({ claims: { access: null, sub: null as never } }));
    expect([empty.subject, empty.allows('repository', 'a', 'pull')]).toEqual(['', false]);
    const all = { access: [{ type: 'repository', name: 'a', actions: ['*'] }] };
    expect((await verifier.verify(await sign({ claims: all }))).allows('repository', 'a', 'delete')).toBe(true);
  });

  test('is taken up to a minute before and after its time, for clocks that differ', async () => {
    const verifier = await ownVerifier();
    await verifier.verify(await sign({ claims: { exp: now() - 50, nbf: now() - 300 } }));
    await verifier.verify(await sign({ claims: { nbf: now() + 50 } }));
  });

  test.each<[string, JWTPayload, string]>([
    ['expired', { exp: now() - 120 }, 'the token has expired'],
    ['not valid yet', { nbf: now() + 120 }, 'the token is not valid yet'],
    ['without expiry', { exp: undefined as never }, '"exp"'],
    ['of another issuer', { iss: 'omnibus-issuer' }, 'issuer is "omnibus-issuer", wanted is "issuer"'],
    ['of an issuer that starts alike', { iss: 'issuer2' }, 'issuer is "issuer2"'],
    ['for another service', { aud: 'other' }, 'for the service "other", wanted is "service"'],
    ['with access of another shape', { access: 'repository:a:pull' }, 'the token\'s "access" is not as it must be'],
  ])('%s is refused with the reason', async (_what, claims, reason) => {
    const verifier = await ownVerifier();
    await expect(verifier.verify(await sign({ claims }))).rejects.toThrow(reason);
  });

  test('with a signature of somebody else under our key id is refused', async () => {
    const verifier = await ownVerifier();
    await expect(verifier.verify(await sign({ signer: strangerKey }))).rejects.toThrow(
      "the token's signature is wrong",
    );
  });

  test('with changed claims is refused, also after the right one was seen', async () => {
    const verifier = await ownVerifier();
    const token = await sign();
    await verifier.verify(token);
    const [header, , signature] = token.split('.');
    const claims = Buffer.from(JSON.stringify({ iss: 'issuer', aud: 'service', sub: 'root', exp: now() + 300 }));
    await expect(verifier.verify(`${header}.${claims.toString('base64url')}.${signature}`)).rejects.toThrow(
      'signature',
    );
  });

  test('that brings its own key along is refused', async () => {
    const verifier = await ownVerifier();
    const jwk = createPublicKey(strangerKey).export({ format: 'jwk' });
    const { rfc7638 } = await keyIdsOf(strangerKey);
    const token = await sign({ signer: strangerKey, header: { jwk, kid: rfc7638 } as never });
    await expect(verifier.verify(token)).rejects.toThrow('signed by an untrusted key');
  });

  test('without a signature, or with the public key as the secret of one, is refused', async () => {
    const verifier = await ownVerifier();
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = encode({ iss: 'issuer', aud: 'service', sub: 'root', exp: now() + 300 });
    await expect(verifier.verify(`${encode({ typ: 'JWT', alg: 'none', kid })}.${claims}.`)).rejects.toThrow(
      'not allowed',
    );
    const input = `${encode({ typ: 'JWT', alg: 'HS256', kid })}.${claims}`;
    const secret = createPublicKey(key).export({ type: 'spki', format: 'pem' });
    const signature = createHmac('sha256', secret).update(input).digest('base64url');
    await expect(verifier.verify(`${input}.${signature}`)).rejects.toThrow('allowed are ES256, RS256');
  });

  test('of an algorithm that the configuration leaves out is refused', async () => {
    const verifier = await ownVerifier({ algorithms: ['RS256'] });
    await expect(verifier.verify(await sign())).rejects.toThrow('allowed are RS256');
  });

  test.each(['', 'x', 'a.b.c', '..', 'e30.e30.e30'])('%j is refused as damaged', async (token) => {
    await expect((await ownVerifier()).verify(token)).rejects.toThrow(/damaged|not allowed|not as it must be/);
  });
});

describe('a key', () => {
  test('of rootcertbundle is found by its libtrust fingerprint, as GitLab names it', async () => {
    const certificate = await makeCertificate({ commonName: 'token', privateKey: key, days: 1, purpose: 'token' });
    writeFileSync(
      inDirectory('bundle.pem'),
      `${certificate}${createPublicKey(strangerKey).export({ type: 'spki', format: 'pem' })}`,
    );
    const verifier = await verifierOf((keys) => keys.addBundle(inDirectory('bundle.pem')));
    await verifier.verify(await sign({ header: { kid: (await keyIdsOf(key)).libtrust } }));
    await verifier.verify(await sign({ header: { kid: (await keyIdsOf(strangerKey)).libtrust }, signer: strangerKey }));
  });

  test('of a JWK set is found by the name that it has there', async () => {
    const jwk = { ...createPublicKey(key).export({ format: 'jwk' }), kid: '2026-key' };
    writeFileSync(inDirectory('jwks.json'), JSON.stringify({ keys: [jwk] }));
    const verifier = await verifierOf((keys) => keys.addJwks(inDirectory('jwks.json')));
    await verifier.verify(await sign({ header: { kid: '2026-key' } }));
  });

  test.each<[string, unknown, string]>([
    ['secret', { keys: [{ kty: 'oct', k: 'AAAA' }] }, 'is secret (kty oct)'],
    ['private', { keys: [ecKey().export({ format: 'jwk' })] }, 'is secret (kty EC)'],
    ['damaged', { keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] }, 'key 1 of'],
    ['missing', { keys: [] }, 'at least one key'],
  ])('that is %s is refused in a JWK set', async (_what, jwks, reason) => {
    writeFileSync(inDirectory('bad.json'), JSON.stringify(jwks));
    await expect(verifierOf((keys) => keys.addJwks(inDirectory('bad.json')))).rejects.toThrow(reason);
  });

  test('that is private is refused in rootcertbundle', async () => {
    writeFileSync(inDirectory('bad.pem'), key.export({ type: 'pkcs8', format: 'pem' }));
    await expect(verifierOf((keys) => keys.addBundle(inDirectory('bad.pem')))).rejects.toThrow('is a private key');
  });
});

describe('a certificate in a token', () => {
  const byAuthority = () => verifierOf((keys) => keys.addBundle(inDirectory('ca.crt')));
  const encode = (...certificates: { raw: Buffer }[]) => certificates.map(({ raw }) => raw.toString('base64'));
  const header = (...certificates: { raw: Buffer }[]) => ({ kid: 'unknown', x5c: encode(...certificates) });
  const issue = (privateKey: KeyObject, issuer: Issuer, purpose: 'token' | 'authority' = 'token', days = 10) =>
    makeCertificate({ commonName: `issued for ${purpose}`, privateKey, days, purpose, issuer });

  test('counts when a trusted authority issued it', async () => {
    await (await byAuthority()).verify(await sign({ header: header(await issue(key, authority)) }));
  });

  test('of a stranger, who calls himself by the name of the authority, does not', async () => {
    const certificate = await makeCertificate({
      commonName: 'CA',
      privateKey: strangerKey,
      days: 30,
      purpose: 'authority',
    });
    const issued = await issue(key, { certificate, privateKey: strangerKey });
    const verifier = await byAuthority();
    for (const chain of [header(issued, certificate), header(issued), header(certificate)]) {
      await expect(verifier.verify(await sign({ header: chain }))).rejects.toThrow('untrusted key');
    }
  });

  test('issued by a certificate that is no authority does not', async () => {
    const leaf = await issue(strangerKey, authority);
    const forged = await issue(key, { certificate: leaf, privateKey: strangerKey });
    const verifier = await byAuthority();
    await expect(verifier.verify(await sign({ header: header(forged, leaf) }))).rejects.toThrow('untrusted key');
  });

  test('that has expired does not', async () => {
    const expired = await issue(key, authority, 'token', 0);
    const verifier = await byAuthority();
    await expect(verifier.verify(await sign({ header: header(expired) }))).rejects.toThrow('untrusted key');
  });

  test.each([[['!!']], [[]], [Array(20).fill('AAAA')]])('%j is no reason to fail otherwise', async (x5c) => {
    const verifier = await byAuthority();
    await expect(verifier.verify(await sign({ header: { kid: 'unknown', x5c } }))).rejects.toThrow('untrusted key');
  });
});
