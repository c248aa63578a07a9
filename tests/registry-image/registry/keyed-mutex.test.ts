import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { KeyedMutex } from '../../../registry-image/src/registry/keyed-mutex.ts';

/** Work that notes when it begins and ends. */
function noting(notes: string[], name: string, milliseconds = 2) {
  return async () => {
    notes.push(`${name} begins`);
    await sleep(milliseconds);
    notes.push(`${name} ends`);
    return name;
  };
}

describe('a mutex by key', () => {
  test('runs work of one key in the order in which it came', async () => {
    const mutex = new KeyedMutex();
    const notes: string[] = [];
    const results = await Promise.all([
      mutex.run('key', noting(notes, 'first', 10)),
      mutex.run('key', noting(notes, 'second', 1)),
      mutex.run('key', noting(notes, 'third', 5)),
    ]);
    expect(results).toEqual(['first', 'second', 'third']);
    expect(notes).toEqual(['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends']);
  });

  test('runs work of different keys side by side', async () => {
    const mutex = new KeyedMutex();
    const notes: string[] = [];
    await Promise.all([mutex.run('a', noting(notes, 'first')), mutex.run('b', noting(notes, 'second'))]);
    expect(notes.slice(0, 2)).toEqual(['first begins', 'second begins']);
  });

  test('goes on after work that failed, whose failure its caller alone gets', async () => {
    const mutex = new KeyedMutex();
    const failing = mutex.run('key', async () => {
      throw new Error('failed');
    });
    const next = mutex.run('key', async () => 'done');
    await expect(failing).rejects.toThrow('failed');
    await expect(next).resolves.toBe('done');
    await expect(mutex.run('key', async () => 'again')).resolves.toBe('again');
  });

  test('holds several keys at once, in whichever order they are named, one of them twice', async () => {
    const mutex = new KeyedMutex();
    const notes: string[] = [];
    await Promise.all([
      mutex.runAll(['a', 'b', 'a'], noting(notes, 'first')),
      mutex.runAll(['b', 'a'], noting(notes, 'second')),
      mutex.run('b', noting(notes, 'third')),
    ]);
    const order = notes.map((note) => note.split(' ')[0]);
    for (let position = 0; position < order.length; position += 2) expect(order[position]).toBe(order[position + 1]);
  });

  test('takes the smaller key first, so that work within work that holds it does not wait for ever', async () => {
    const mutex = new KeyedMutex();
    const nested = mutex.run('a', async () => {
      await sleep(2);
      return mutex.run('a b', async () => 'nested');
    });
    const both = mutex.runAll(['a b', 'a'], async () => 'both');
    expect(await Promise.all([nested, both])).toEqual(['nested', 'both']);
  });

  test('of no key waits for nothing', async () => {
    expect(await new KeyedMutex().runAll([], async () => 'done')).toBe('done');
  });
});
