/**
 * The addresses of the cloud's networks: parts of a /16 of the loopback range, so that tests can connect to guests.
 */
export class AddressPool {
  private readonly networks = new Map<string, { base: number; next: number; free: string[] }>();

  /** @param prefix the first two numbers of all addresses, such as `127.16` */
  constructor(readonly prefix: string) {}

  /** Adds a network. Its first address is `<prefix>.<third>.10`. */
  add(networkId: string, third: number): void {
    this.networks.set(networkId, { base: third * 256, next: third * 256 + 10, free: [] });
  }

  take(networkId: string): string | undefined {
    const network = this.networks.get(networkId);
    if (network === undefined) return undefined;
    // Addresses that were never used come first: with a reused address, an old client could reach the wrong guest.
    if (network.next < network.base + 16_384) {
      const number = network.next++;
      if (number % 256 === 255) network.next++;
      return `${this.prefix}.${number >> 8}.${number & 255}`;
    }
    return network.free.shift();
  }

  release(address: string): void {
    for (const [third, network] of [...this.networks.values()].map(
      (network) => [network.base >> 8, network] as const,
    )) {
      const part = Number(address.split('.')[2]);
      if (part >= third && part < third + 64) network.free.push(address);
    }
  }
}
