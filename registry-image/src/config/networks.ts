import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** IPv4 in the clothes of IPv6, as a socket that serves both families shows it (RFC 4291, section 2.5.5.2). */
const MAPPED_IPV4 = new BlockList();
MAPPED_IPV4.addSubnet('::ffff:0:0', 96, 'ipv6');

/** What is wrong with a network such as `10.0.0.0/8`, `2001:db8::/32` or a single address; `undefined` when nothing is. */
function networkFault(text: string): string | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 0 || rest.length > 0) {
    return 'must be a network, such as 10.0.0.0/8 or 2001:db8::/32, or a single IP address';
  }
  const bits = family === 4 ? 32 : 128;
  if (prefix !== undefined && (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits)) {
    return `must end in a number of bits from /0 to /${bits}, or be a single address; netmasks are not read`;
  }
  if (family === 6 && MAPPED_IPV4.check(address, 'ipv6')) {
    return 'must be written as an IPv4 network, such as 10.0.0.0/8: clients with IPv4 addresses in IPv6 form belong to it';
  }
  return undefined;
}

/** A network in CIDR notation, or a single address of it, IPv4 or IPv6. */
export function network() {
  return z.string().superRefine((value, context) => {
    const message = networkFault(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

/** A network that is not everybody. */
export function networkOfProxies() {
  return network().refine((value) => !/\/0+$/.test(value), {
    error:
      'is everybody: any client could then write its own address and host; name the addresses of the proxies in front',
  });
}
