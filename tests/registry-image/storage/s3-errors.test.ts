import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import { createS3Client } from '../../../registry-image/src/storage/s3-client.ts';
import { keepSelfSigned } from '../../../registry-image/src/tls/self-signed.ts';
import { type AnswerInstead, type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { freePort } from '../../support/free-port.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { describeWith } from '../../support/requirements.ts';
import { runCommand } from '../../support/run-command.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { createBucket, s3Options } from './moto-bucket.ts';

const LIMITS = { connectMs: 500, idleMs: 500, firstPauseMs: 1 };

function open(regionendpoint: string, settings: Record<string, unknown> = {}): Promise<S3Driver> {
  const options = s3Options({ endpoint: regionendpoint } as Moto, { secretkey: 'hush-hush', ...settings });
  return S3Driver.open(options, { client: createS3Client(options, LIMITS) });
}

function answer(status: number, code: string, headers: Record<string, string> = {}): AnswerInstead {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml', ...headers }, body };
}

describeWith(['moto_server'], 'what S3 answers is told with what to do:', () => {
  let moto: Moto;
  let proxy: FaultProxy;
  let driver: S3Driver;

  beforeAll(async () => {
    moto = await startMoto();
    await createBucket(s3Options(moto));
    proxy = await startFaultProxy(moto.endpoint);
    driver = await open(proxy.url, { sessiontoken: 'temporary-token', objectacl: 'public-read', encrypt: true });
  });
  beforeEach(() => proxy.clear());
  afterAll(async () => {
    await driver?.close();
    await proxy?.stop();
    await moto?.stop();
  });

  test.each<[string, AnswerInstead, RegExp]>([
    [
      'temporary credentials that have ended',
      answer(400, 'ExpiredToken'),
      /400 ExpiredToken \(no\) to s3:PutObject: the temporary credentials have expired; set new ones with storage\.s3\.sessiontoken, or leave out the keys so that the instance role is used/,
    ],
    [
      'a request that came too late',
      answer(403, 'RequestExpired'),
      /the clock of this machine is \d seconds (ahead of|behind) that of the store/,
    ],
    [
      'throttling',
      answer(503, 'SlowDown'),
      /503 SlowDown \(no\) to s3:PutObject, 6 times: more was asked for than the store gives; it takes less load, or a limit in storage\.s3\.maxrequestspersecond/,
    ],
    ['a bucket without ACLs', answer(400, 'AccessControlListNotSupported'), /remove storage\.s3\.objectacl/],
    ['another region', answer(301, 'PermanentRedirect'), /is not in us-east-1; set storage\.s3\.region/],
    ['another region in the signature', answer(400, 'AuthorizationHeaderMalformed'), /set storage\.s3\.region/],
    [
      'what the store does not have',
      answer(501, 'NotImplemented'),
      /such as storageclass, encrypt, objectacl or check/,
    ],
    [
      'a store that has failed',
      answer(500, 'InternalError'),
      /500 InternalError \(no\) .* 6 times: the store has failed/,
    ],
    [
      'a gateway without an answer',
      { status: 502, body: '<html>bad gateway</html>' },
      /502.*6 times: the store has fai/,
    ],
    ['keys that do not exist', answer(403, 'InvalidAccessKeyId'), /the credentials are not accepted/],
  ])('%s', async (_what, fault, message) => {
    const date = new Date().toUTCString();
    const dated = { ...fault, headers: { date, ...fault.headers } };
    proxy.inject({ method: 'PUT', times: Number.POSITIVE_INFINITY, fault: dated });
    const error: Error = await driver.write('x', Buffer.from('x')).then(
      () => new Error('nothing failed'),
      (failure) => failure,
    );
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/hush-hush|temporary-token|Signature=/);
  });

  test('a wrong clock is corrected by the time of the store, and the call made again', async () => {
    const late = new Date(Date.now() + 3_600_000).toUTCString();
    proxy.inject({ method: 'PUT', fault: answer(403, 'RequestTimeTooSkewed', { date: late }) });
    await driver.write('clock', Buffer.from('x'));
    const dates = proxy.requests.map(({ headers }) => String(headers['x-amz-date']));
    const hours = (compact = '') => Number(compact.slice(9, 11));
    expect((hours(dates[1]) - hours(dates[0]) + 24) % 24).toBe(1);
  });

  test('a clock that stays wrong is named with how wrong it is', async () => {
    const wrong = await open(proxy.url);
    proxy.inject({
      method: 'PUT',
      times: Number.POSITIVE_INFINITY,
      fault: answer(403, 'RequestTimeTooSkewed', { date: new Date(Date.now() - 7_200_000).toUTCString() }),
    });
    await expect(wrong.write('clock', Buffer.from('x'))).rejects.toThrow(
      /RequestTimeTooSkewed .* the clock of this machine is 7[12]\d\d seconds ahead of that of the store; let it be set by a time server/,
    );
    await wrong.close();
  });
});

describe('a store that is not there', () => {
  const PROGRAM = path.join(import.meta.dirname, 's3-opening-program.ts');

  /** What is said when the store cannot be opened. */
  async function failureOf(regionendpoint: string, settings: Record<string, unknown> = {}): Promise<string> {
    const options = { bucket: 'images', regionendpoint, accesskey: 'key', secretkey: 'hush-hush', ...settings };
    return (await runCommand(process.execPath, [PROGRAM, JSON.stringify(options)])).stdout;
  }

  test('is said to be unreachable, with where to look', async () => {
    expect(await failureOf(`http://127.0.0.1:${await freePort()}`)).toMatch(
      /^S3 could not be reached, 6 times: connect ECONNREFUSED .*; check storage\.s3\.regionendpoint and storage\.s3\.region, and the way there/,
    );
  });

  test('whose name nobody knows is one of them', async () => {
    expect(await failureOf('http://no-such-store.invalid', { maxretries: 0 })).toMatch(
      /^S3 could not be reached: getaddrinfo \w+ no-such-store\.invalid; check storage\.s3\.regionendpoint/,
    );
  });

  test('because it says nothing is one of them', async () => {
    const silent = createTcpServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    expect(await failureOf(`http://127.0.0.1:${port}`, { maxretries: 1 })).toMatch(
      /^S3 could not be reached, 2 times: .* timed out after 500 ms of inactivity .*; check storage\.s3\.regionendpoint/,
    );
    silent.close();
  });

  test('with a certificate that nobody here trusts says how to give the authority', async () => {
    const directory = temporaryDirectory('s3-certificate');
    const { certificate, key } = await keepSelfSigned(directory.path, ['127.0.0.1']);
    const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await failureOf(`https://127.0.0.1:${port}`)).toMatch(
      /^S3 could not be reached: .*; its certificate is not trusted here: give the CA that has signed it in NODE_EXTRA_CA_CERTS/,
    );
    server.close();
    server.closeAllConnections();
    directory.remove();
  });
});
