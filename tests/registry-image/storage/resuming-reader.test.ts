import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { type OpenRange, openResumingReader } from '../../../registry-image/src/storage/resuming-reader.ts';
import { readObject } from '../../support/read-object.ts';

const BYTES = Buffer.from('0123456789');

/** A backend whose first answers end as they are told to, after some bytes; later ones are whole. */
function backend(...firstAnswers: readonly ((stream: PassThrough) => void)[]) {
  const opened: string[] = [];
  const open: OpenRange = async ({ start, end }) => {
    opened.push(`${start}-${end ?? ''}`);
    const answer = firstAnswers[opened.length - 1];
    if (answer === undefined) return Readable.from([BYTES.subarray(start, end === undefined ? undefined : end + 1)]);
    const stream = new PassThrough();
    stream.write(BYTES.subarray(start, start + 3));
    answer(stream);
    return stream;
  };
  return { open, opened };
}

const reset = (stream: PassThrough) => void setTimeout(() => stream.destroy(new Error('connection reset')), 5);
const silence = () => {};

test('a read that breaks off goes on where it ended', async () => {
  const { open, opened } = backend(reset, reset);
  expect((await readObject(await openResumingReader(open))).toString()).toBe('0123456789');
  expect(opened).toEqual(['0-', '3-', '6-']);
});

test('a part of an object goes on within its end', async () => {
  const { open, opened } = backend(reset);
  expect((await readObject(await openResumingReader(open, { start: 2, end: 7 }))).toString()).toBe('234567');
  expect(opened).toEqual(['2-7', '5-7']);
});

test('a backend that falls silent is asked again', async () => {
  const { open, opened } = backend(silence);
  expect((await readObject(await openResumingReader(open, undefined, 30))).toString()).toBe('0123456789');
  expect(opened).toEqual(['0-', '3-']);
});

test('a consumer that takes longer than that is waited for', async () => {
  const { open, opened } = backend();
  const reader = await openResumingReader(open, undefined, 30);
  const chunks: string[] = [];
  for await (const chunk of reader) {
    await sleep(100);
    chunks.push(Buffer.from(chunk).toString());
  }
  expect(chunks.join('')).toBe('0123456789');
  expect(opened).toEqual(['0-']);
});

test('a backend that gives no further byte is given up, and says why', async () => {
  let opened = 0;
  const open: OpenRange = async () => {
    opened += 1;
    return new PassThrough();
  };
  const reader = await openResumingReader(open, undefined, 5);
  await expect(readObject(reader)).rejects.toThrow('the storage has sent nothing for 5 ms');
  expect(opened).toBe(5);
});
