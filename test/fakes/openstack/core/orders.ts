/** How often an order counts. */
interface Limited {
  times?: number;
}

interface Armed<Order> {
  order: Order;
  left: number;
}

/** What tests order for things to come. */
export class Orders<Order extends Limited, Subject> {
  private armed: Armed<Order>[] = [];

  /** @param fits whether an order is for this one */
  constructor(private readonly fits: (order: Order, subject: Subject) => boolean) {}

  /** Later ones win over earlier ones. The function that is answered takes it back. */
  add(order: Order): () => void {
    const entry = { order, left: order.times ?? Infinity };
    this.armed.unshift(entry);
    return () => {
      this.armed = this.armed.filter((other) => other !== entry);
    };
  }

  clear(): void {
    this.armed = [];
  }

  /** The order that has a trait for this one; uses it up. */
  take(subject: Subject, trait: keyof Order): Order | undefined {
    for (const entry of this.armed) {
      if (entry.order[trait] === undefined || entry.left <= 0 || !this.fits(entry.order, subject)) continue;
      entry.left--;
      return entry.order;
    }
    return undefined;
  }
}
