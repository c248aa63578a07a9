import { describe, expect, test } from '@jest/globals';
import { type Check, check, missingPermissions } from '../../../registry-image/src/cli/doctor-check.ts';

const SUBJECT = { action: 'write', permissions: ['s3:PutObject'], resource: 's3://bucket/' };

describe('a check of a doctor', () => {
  test('is ok with what was found, skipped with why, or failed with what went wrong and what to do', async () => {
    expect(await check(SUBJECT, async () => ({ note: 'fast' }))).toEqual({
      ...SUBJECT,
      verdict: 'ok',
      milliseconds: expect.any(Number),
      message: 'fast',
    });
    expect(await check(SUBJECT, async () => ({ skipped: 'not needed' }))).toMatchObject({
      verdict: 'skipped',
      message: 'not needed',
    });
    const full = Object.assign(new Error('write: no space left'), { code: 'ENOSPC' });
    expect(await check(SUBJECT, () => Promise.reject(new Error('could not write', { cause: full })))).toMatchObject({
      verdict: 'failed',
      message: 'could not write',
      advice: expect.stringContaining('make room'),
    });
  });

  test('says of a host that no address of it answers', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:9'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new AggregateError([refused]), { code: 'ECONNREFUSED' });
    expect(await check(SUBJECT, () => Promise.reject(error))).toMatchObject({
      message: 'connect ECONNREFUSED ::1:9',
      advice: expect.stringContaining('nothing listens'),
    });
  });

  test('ends when it is interrupted, and none is begun after', async () => {
    const stop = new AbortController();
    const hanging = check(SUBJECT, () => new Promise(() => {}), stop.signal);
    stop.abort();
    const interrupted = { verdict: 'skipped', message: 'the check was interrupted' };
    expect(await hanging).toMatchObject(interrupted);
    expect(await check(SUBJECT, () => Promise.reject(new Error('was begun')), stop.signal)).toMatchObject(interrupted);
  });
});

describe('missing permissions', () => {
  const one = (verdict: Check['verdict'], permissions: string[], message?: string): Check => ({
    ...SUBJECT,
    verdict,
    permissions,
    milliseconds: 1,
    ...(message !== undefined && { message }),
  });

  test('are those that only failed checks need', () => {
    expect(
      missingPermissions([one('ok', ['list', 'put']), one('failed', ['put', 'delete']), one('skipped', ['x'])]),
    ).toEqual(['delete']);
  });

  test('are those that a failure names, of several', () => {
    expect(missingPermissions([one('ok', ['list']), one('failed', ['abort', 'delete'], 'not allowed delete')])).toEqual(
      ['delete'],
    );
  });

  test('are not guessed where nothing works', () => {
    expect(missingPermissions([one('failed', ['put']), one('failed', ['list'])])).toEqual([]);
  });
});
