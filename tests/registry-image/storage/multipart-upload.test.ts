import { randomBytes } from 'node:crypto';

import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import type { S3Options } from '../../../registry-image/src/storage/s3-bucket.ts';
import { createS3Client } from '../../../registry-image/src/storage/s3-client.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { readObject } from '../../support/read-object.ts';
import { describeWith } from '../../support/requirements.ts';
import { createBucket, s3Options } from './moto-bucket.ts';

const MIB = 1024 ** 2;

/** Makes calls of a client fail for good: before S3 hears of them, or after it has done what they ask for. */
function breakCalls(client: S3Client, when: 'before' | 'after', matches: (command: string, input: object) => boolean) {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const broken = matches(context.commandName ?? '', args.input);
      if (broken && when === 'before') throw new Error('the network is down');
      const answer = await next(args);
      if (broken) throw new Error('the network is down');
      return answer;
    },
    { step: 'initialize', name: 'breakCalls' },
  );
}

describeWith(['moto_server'], 'an upload to S3', () => {
  let moto: Moto;
  let options: S3Options;
  let client: S3Client;
  let failing: S3Driver;
  let healthy: S3Driver;

  beforeAll(async () => {
    moto = await startMoto();
    options = s3Options(moto);
    await createBucket(options);
    healthy = await S3Driver.open(options);
  });
  afterAll(async () => {
    await healthy?.close();
    await moto?.stop();
  });
  beforeEach(async () => {
    client = createS3Client(options);
    failing = await S3Driver.open(options, { client });
  });

  test('that loses a part keeps those before it, says so, and goes on from there', async () => {
    breakCalls(
      client,
      'before',
      (command, input) => command === 'UploadPartCommand' && 'PartNumber' in input && input.PartNumber === 3,
    );
    const bytes = randomBytes(32 * MIB);
    const upload = await failing.openUpload('uploads/lost-part/data');
    await expect(upload.append(inPieces(bytes))).rejects.toThrow('the network is down');
    expect(upload.size).toBe(10 * MIB);
    await expect(upload.append(inPieces(bytes))).rejects.toThrow('open it again');
    await expect(upload.complete()).rejects.toThrow('open it again');

    const continued = await healthy.openUpload('uploads/lost-part/data');
    expect(continued.size).toBe(10 * MIB);
    await continued.append(inPieces(bytes.subarray(10 * MIB)));
    await continued.complete();
    expect((await readObject(await healthy.read('uploads/lost-part/data'))).equals(bytes)).toBe(true);
  });

  test('never falls behind what an earlier append has kept', async () => {
    const bytes = randomBytes(12 * MIB);
    const upload = await failing.openUpload('uploads/kept/data');
    await upload.append(inPieces(bytes.subarray(0, 3 * MIB)));
    breakCalls(client, 'before', (command) => command === 'CreateMultipartUploadCommand');
    await expect(upload.append(inPieces(bytes.subarray(3 * MIB)))).rejects.toThrow('the network is down');
    expect(upload.size).toBe(3 * MIB);

    const continued = await healthy.openUpload('uploads/kept/data');
    expect(continued.size).toBe(3 * MIB);
    await continued.append(inPieces(bytes.subarray(3 * MIB)));
    await continued.complete();
    expect((await readObject(await healthy.read('uploads/kept/data'))).equals(bytes)).toBe(true);
  });

  test('can be completed again when the answer of S3 got lost', async () => {
    breakCalls(client, 'after', (command) => command === 'CompleteMultipartUploadCommand');
    const bytes = randomBytes(11 * MIB);
    const upload = await failing.openUpload('uploads/lost-answer/data');
    await upload.append(inPieces(bytes));
    await expect(upload.complete()).rejects.toThrow('the network is down');

    const continued = await healthy.openUpload('uploads/lost-answer/data');
    expect(continued.size).toBe(11 * MIB);
    await continued.complete();
    expect((await readObject(await healthy.read('uploads/lost-answer/data'))).equals(bytes)).toBe(true);
    const keys = [];
    for await (const { key } of healthy.list('uploads/lost-answer/')) keys.push(key);
    expect(keys).toEqual(['uploads/lost-answer/data']);
  });

  test('is complete when S3 does twice what it is asked for once', async () => {
    client.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName === 'CompleteMultipartUploadCommand') await next(args);
        return next(args);
      },
      { step: 'initialize', name: 'repeatCompletion' },
    );
    const upload = await failing.openUpload('uploads/repeated/data');
    await upload.append(inPieces(Buffer.alloc(11 * MIB)));
    await upload.complete();
    expect((await healthy.stat('uploads/repeated/data')).size).toBe(11 * MIB);
  });

  test('is gone when it is cancelled, also when S3 has forgotten it before', async () => {
    const upload = await healthy.openUpload('uploads/forgotten/data');
    await upload.append(inPieces(Buffer.alloc(6 * MIB)));
    await (await healthy.openUpload('uploads/forgotten/data')).cancel();
    await upload.cancel();
    expect((await healthy.openUpload('uploads/forgotten/data')).size).toBe(0);
  });

  test('that is complete takes no more bytes', async () => {
    const upload = await healthy.openUpload('uploads/complete/data');
    await upload.append(inPieces(Buffer.from('all')));
    await upload.complete();
    const again = await healthy.openUpload('uploads/complete/data');
    await again.append(inPieces(Buffer.alloc(0)));
    await expect(again.append(inPieces(Buffer.from('more')))).rejects.toThrow(
      'the upload is complete with 3 bytes and takes no more; start another one',
    );
  });
});

async function* inPieces(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += 64 * 1024) yield bytes.subarray(start, start + 64 * 1024);
}
