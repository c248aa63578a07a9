import { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeCertificate } from '../../../registry-image/src/keys/make-certificate.ts';
import { readPrivateKey } from '../../../registry-image/src/keys/private-key.ts';
import { keepSelfSigned } from '../../../registry-image/src/tls/self-signed.ts';
import { describeWith, findTool } from '../../support/requirements.ts';
import { runCommand } from '../../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

const HOSTS = ['registry.example.com', 'localhost', '127.0.0.1', '::1', '2001:db8::8:800:200c:417a'];
const DAY = 24 * 60 * 60 * 1000;

let directory: TemporaryDirectory;
const inDirectory = (name: string) => path.join(directory.path, 'tls', name);
const read = (name: string) => readFileSync(inDirectory(name), 'utf8');
const certificate = (name: string) => new X509Certificate(read(name));
const keep = (hosts: readonly string[] = HOSTS) => keepSelfSigned(path.join(directory.path, 'tls'), hosts);
beforeEach(() => {
  directory = temporaryDirectory('self-signed');
});
afterEach(() => directory.remove());

describe('the self-signed certificate', () => {
  test('is for the hosts, issued by an authority of its own, for at most 397 days', async () => {
    await keep();
    const server = certificate('server.crt');
    const authority = certificate('ca.crt');
    expect(server.subjectAltName).toBe(
      'DNS:registry.example.com, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:8:800:200C:417A',
    );
    expect([server.ca, authority.ca, server.checkIssued(authority), server.verify(authority.publicKey)]).toEqual([
      false,
      true,
      true,
      true,
    ]);
    const days = (server.validToDate.getTime() - server.validFromDate.getTime()) / DAY;
    expect(days).toBeLessThanOrEqual(397);
    expect(authority.validToDate.getTime() - Date.now()).toBeGreaterThan(3600 * DAY);
  });

  test('has keys that only their owner can read', async () => {
    await keep();
    for (const name of ['ca.key', 'server.key']) expect(statSync(inDirectory(name)).mode & 0o777).toBe(0o600);
  });

  test('stays as it is from one start to the next', async () => {
    await keep();
    const before = ['ca.key', 'ca.crt', 'server.key', 'server.crt'].map(read);
    await keep();
    expect(['ca.key', 'ca.crt', 'server.key', 'server.crt'].map(read)).toEqual(before);
  });

  test.each([[['other.example.com']], [[...HOSTS, 'other.example.com']], [HOSTS.slice(1)]])(
    'is issued anew by the same authority when the hosts become %j',
    async (hosts) => {
      await keep();
      const [authority, server] = [read('ca.crt'), read('server.crt')];
      await keep(hosts);
      expect(read('ca.crt')).toBe(authority);
      expect(read('server.crt')).not.toBe(server);
      expect(certificate('server.crt').checkHost('registry.example.com')).toBe(
        hosts.includes('registry.example.com') ? 'registry.example.com' : undefined,
      );
    },
  );

  test.each([
    [29, true],
    [31, false],
  ])('with %i days left is issued anew: %s', async (days, renewed) => {
    await keep();
    const issuer = { certificate: certificate('ca.crt'), privateKey: await readPrivateKey(inDirectory('ca.key')) };
    const privateKey = await readPrivateKey(inDirectory('server.key'));
    const props = { commonName: 'x', privateKey, days, purpose: 'server', hosts: HOSTS, issuer } as const;
    const ending = (await makeCertificate(props)).toString();
    writeFileSync(inDirectory('server.crt'), ending);
    await keep();
    expect(read('server.crt') !== ending).toBe(renewed);
  });

  test('of an authority that ends is still good for clients that have the old one', async () => {
    await keep();
    const privateKey = await readPrivateKey(inDirectory('ca.key'));
    const commonName = certificate('ca.crt').subject.replace('CN=', '');
    const ending = await makeCertificate({ commonName, privateKey, days: 20, purpose: 'authority' });
    writeFileSync(inDirectory('ca.crt'), ending.toString());
    await keep();
    expect(read('ca.crt')).not.toBe(ending.toString());
    expect(certificate('server.crt').checkIssued(ending)).toBe(true);
    expect(certificate('server.crt').verify(ending.publicKey)).toBe(true);
  });

  test.each(['ca.crt', 'ca.key', 'server.crt', 'server.key'])('is made whole again when %s is lost', async (name) => {
    await keep();
    rmSync(inDirectory(name));
    await keep();
    expect(certificate('ca.crt').checkPrivateKey(await readPrivateKey(inDirectory('ca.key')))).toBe(true);
    expect(certificate('server.crt').checkPrivateKey(await readPrivateKey(inDirectory('server.key')))).toBe(true);
    expect(certificate('server.crt').verify(certificate('ca.crt').publicKey)).toBe(true);
  });

  test('is one that fits, when several processes start together', async () => {
    await Promise.all(Array.from({ length: 6 }, () => keep()));
    expect(certificate('ca.crt').checkPrivateKey(await readPrivateKey(inDirectory('ca.key')))).toBe(true);
    expect(certificate('server.crt').checkPrivateKey(await readPrivateKey(inDirectory('server.key')))).toBe(true);
    expect(certificate('server.crt').verify(certificate('ca.crt').publicKey)).toBe(true);
  });
});

describeWith(['openssl'], 'openssl', () => {
  test('accepts the certificate and its authority by the strict rules of RFC 5280', async () => {
    await keep();
    const openssl = findTool('openssl') as string;
    const verify = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', inDirectory('ca.crt')];
    for (const host of ['registry.example.com', 'localhost']) {
      const result = await runCommand(openssl, [...verify, '-verify_hostname', host, inDirectory('server.crt')]);
      expect(result.stdout).toContain('OK');
    }
    await runCommand(openssl, [...verify, '-verify_ip', '::1', inDirectory('server.crt')]);
  });
});
