import { BlockList, isIP } from 'node:net';

/** Networks as the configuration has checked them, such as `10.0.0.0/8` or `2001:db8::1`, to hold addresses against. */
export class NetworkList {
  // Apart, because Node's list of both takes IPv4 addresses for members of ::/0.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();

  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', prefix] = network.split('/');
      const isIpv4 = isIP(address) === 4;
      const list = isIpv4 ? this.#ipv4 : this.#ipv6;
      list.addSubnet(address, Number(prefix ?? (isIpv4 ? 32 : 128)), isIpv4 ? 'ipv4' : 'ipv6');
    }
  }

  /** Whether an address is in one of the networks. An IPv4 address in IPv6 form (`::ffff:10.0.0.1`) is an IPv4 address. */
  includes(address: string | undefined): boolean {
    const [bare = ''] = address?.split('%', 1) ?? [];
    const family = isIP(bare);
    if (family === 0) return false;
    if (family === 4) return this.#ipv4.check(bare, 'ipv4');
    return this.#ipv4.check(bare, 'ipv6') || this.#ipv6.check(bare, 'ipv6');
  }
}
