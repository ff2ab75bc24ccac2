/**
 * Calls `ping` again and again while `work` runs, for sessions that end when nobody speaks. A ping that fails is no
 * reason to stop: if the session is gone, the work itself fails.
 *
 * @param every milliseconds between two pings
 */
export async function keepAlive<T>(every: number, ping: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  let pings: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    pings = pings.then(ping).catch(() => undefined);
  }, every);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await pings;
  }
}
