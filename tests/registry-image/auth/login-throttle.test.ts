import { describe, expect, test } from '@jest/globals';
import { LoginThrottle } from '../../../registry-image/src/auth/login-throttle.ts';

describe('the login throttle', () => {
  function throttleAt(start: number) {
    const clock = { now: start };
    const limits = { perAccount: 3, perAddress: 5, windowSeconds: 60 };
    return { clock, throttle: new LoginThrottle(limits, () => clock.now) };
  }
  const refusal = expect.objectContaining({ code: 'TOOMANYREQUESTS', headers: { 'Retry-After': '60' } });

  test('refuses an account from one address after too many failures, and says when to come again', () => {
    const { throttle } = throttleAt(0);
    for (let count = 0; count < 3; count += 1) throttle.attempt('ana', '192.0.2.1');
    expect(() => throttle.check('ana', '192.0.2.1')).toThrow(refusal as never);
    expect(() => throttle.check('ana', '192.0.2.2')).not.toThrow();
    expect(() => throttle.check('bea', '192.0.2.1')).not.toThrow();
  });

  test('refuses an address that tries many accounts', () => {
    const { throttle } = throttleAt(0);
    for (const account of ['a', 'b', 'c', 'd', 'e']) throttle.attempt(account, '192.0.2.1');
    expect(() => throttle.check('f', '192.0.2.1')).toThrow(refusal as never);
  });

  test('lets the account in again after the window', () => {
    const { clock, throttle } = throttleAt(0);
    for (let count = 0; count < 3; count += 1) throttle.attempt('ana', '192.0.2.1');
    clock.now = 60_000;
    expect(() => throttle.check('ana', '192.0.2.1')).not.toThrow();
  });

  test('forgets the failures of an account that logs in', () => {
    const { throttle } = throttleAt(0);
    for (let count = 0; count < 10; count += 1) {
      throttle.attempt('ana', '192.0.2.1');
      throttle.succeed('ana', '192.0.2.1');
    }
    expect(() => throttle.check('ana', '192.0.2.1')).not.toThrow();
  });
});
