import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import type { S3Options } from '../../../registry-image/src/storage/s3-bucket.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { onlyUserOf } from '../../support/moto-user.ts';
import { readObject } from '../../support/read-object.ts';
import { describeWith } from '../../support/requirements.ts';
import { createBucket, s3Options } from './moto-bucket.ts';

const MIB = 1024 ** 2;
const BUCKET = 'arn:aws:s3:::registry-images';
const LIST = { Effect: 'Allow', Action: 's3:ListBucket', Resource: BUCKET };

describeWith(['moto_server'], 'what S3 allows', () => {
  let moto: Moto;

  beforeEach(async () => {
    moto = await startMoto();
    await createBucket(s3Options(moto));
  });
  afterEach(() => moto?.stop());

  async function optionsOfUserWith(...statements: object[]): Promise<S3Options> {
    return s3Options(moto, { ...(await onlyUserOf(moto, statements)) });
  }

  test('the documented permissions are enough for all that the driver does', async () => {
    const driver = await S3Driver.open(
      await optionsOfUserWith(LIST, {
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
        Resource: `${BUCKET}/*`,
      }),
    );
    const cancelled = await driver.openUpload('uploads/1/data');
    await cancelled.append(bytes(6 * MIB));
    await cancelled.cancel();
    const upload = await driver.openUpload('uploads/2/data');
    await upload.append(bytes(11 * MIB));
    await upload.complete();
    await driver.move('uploads/2/data', 'blob');
    expect(await readObject(await driver.read('blob'))).toHaveLength(11 * MIB);
    await driver.write('link', Buffer.from('x'));
    const keys = [];
    for await (const { key } of driver.list('')) keys.push(key);
    expect(keys).toEqual(['blob', 'link']);
    await driver.delete('link');
    await driver.close();
  });

  test('a missing s3:ListBucket is named at opening', async () => {
    const options = await optionsOfUserWith({ Effect: 'Allow', Action: 's3:GetObject', Resource: `${BUCKET}/*` });
    await expect(S3Driver.open(options)).rejects.toThrow(
      'S3 answered 403 AccessDenied (Access Denied) to s3:ListBucket: the identity is probably not allowed s3:ListBucket on arn:aws:s3:::registry-images; add it to its policy',
    );
  });

  test('a missing permission on objects is named when it is needed', async () => {
    const driver = await S3Driver.open(await optionsOfUserWith(LIST));
    await expect(driver.write('a', Buffer.from('x'))).rejects.toThrow(
      /not allowed s3:PutObject on arn:aws:s3:::registry-images\/\*/,
    );
    await expect(driver.delete('a')).rejects.toThrow(/not allowed s3:DeleteObject on/);
    // The answer to HEAD has no body, and 403 may also mean that the object does not exist.
    await expect(driver.stat('a')).rejects.toThrow(
      /S3 answered 403 to s3:GetObject: .* not allowed s3:GetObject on .*\/\*, or s3:ListBucket on .*, without which S3 answers 403 for an object that does not exist/,
    );
    await driver.close();
  });

  test.each([
    ['an unknown access key', { accesskey: 'nobody' }, 'InvalidAccessKeyId'],
    ['a wrong secret', { secretkey: 'wrong' }, 'SignatureDoesNotMatch'],
  ])('%s is told apart from a missing permission', async (_what, wrong, code) => {
    const options = { ...(await optionsOfUserWith(LIST)), ...wrong };
    await expect(S3Driver.open(options)).rejects.toThrow(
      new RegExp(
        `${code} .* the credentials are not accepted; check the instance role or storage.s3.accesskey, and the clock`,
      ),
    );
  });
});

async function* bytes(size: number): AsyncIterable<Uint8Array> {
  yield Buffer.alloc(size);
}
