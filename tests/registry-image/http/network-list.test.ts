import { describe, expect, test } from '@jest/globals';
import { NetworkList } from '../../../registry-image/src/http/network-list.ts';

describe('a list of networks', () => {
  const list = new NetworkList(['10.0.0.0/8', '192.168.5.77', '2001:db8::/32', 'fe80::/10', '::1']);

  test.each(['10.0.0.0', '10.255.255.255', '192.168.5.77', '2001:db8:ffff::1', '2001:DB8::1', '::1', '0:0::1'])(
    'has %s',
    (address) => expect(list.includes(address)).toBe(true),
  );

  test.each(['9.255.255.255', '11.0.0.0', '192.168.5.78', '2001:db9::', '::2', '127.0.0.1'])(
    'does not have %s',
    (address) => expect(list.includes(address)).toBe(false),
  );

  test.each(['::ffff:10.1.2.3', '::FFFF:10.1.2.3', '::ffff:a01:203', '0:0:0:0:0:ffff:a01:203'])(
    'has %s, which is an IPv4 address in the form of IPv6',
    (address) => expect(list.includes(address)).toBe(true),
  );

  test('has an address of a link, whatever its interface', () => {
    expect(list.includes('fe80::1%eth0')).toBe(true);
  });

  test('of all of IPv6 has no IPv4 address, and the other way round', () => {
    expect(new NetworkList(['::/0']).includes('10.1.2.3')).toBe(false);
    expect(new NetworkList(['::/0']).includes('2001:db8::1')).toBe(true);
    expect(new NetworkList(['0.0.0.0/0']).includes('2001:db8::1')).toBe(false);
    expect(new NetworkList(['0.0.0.0/0']).includes('::ffff:10.1.2.3')).toBe(true);
  });

  test('that is empty has nobody, and no list has what is no address', () => {
    expect(new NetworkList([]).includes('127.0.0.1')).toBe(false);
    for (const text of ['', 'unknown', '10.1.2.3:80', '10.1.2', undefined]) expect(list.includes(text)).toBe(false);
  });

  test('ignores what stands behind the bits of a network', () => {
    expect(new NetworkList(['10.1.2.3/8']).includes('10.200.0.1')).toBe(true);
  });
});
