/** Addresses of the cloud's networks: parts of one /16 of the loopback range, so that guests are really reached. */
export class AddressPool {
  private readonly networks = new Map<string, { base: number; next: number; free: string[] }>();

  /** @param prefix first two parts, `127.16` */
  constructor(readonly prefix: string) {}

  /** Gives a network addresses `<prefix>.<third>.<10…>` and up. */
  add(networkId: string, third: number): void {
    this.networks.set(networkId, { base: third * 256, next: third * 256 + 10, free: [] });
  }

  take(networkId: string): string | undefined {
    const network = this.networks.get(networkId);
    if (network === undefined) return undefined;
    // Unused ones first: an address that was just left would lead a late caller to the wrong guest.
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
