import { FactoryError } from '../domain/errors.js';

/** An address that this process listens at. */
export interface Address {
  host: string;
  port: number;
}

/**
 * Parses `host:port`, `:port` or `port`. Default host: 127.0.0.1.
 *
 * @param name what the address is for, or the option that gives it: for the message
 * @throws FactoryError InvalidParameter when the text is not an address
 */
export function parseAddress(text: string, name: string): Address {
  const match = /^(?:(.*):)?(\d+)$/.exec(text.trim());
  const port = Number(match?.[2] ?? Infinity);
  if (match !== null && port <= 65_535) return { host: match[1] || '127.0.0.1', port };
  throw new FactoryError('InvalidParameter', `${name}: ${JSON.stringify(text)} is not an address; write host:port`);
}

/** Makes the error of an address that this process cannot listen at. */
export function cannotListenError(name: string, { host, port }: Address, cause: Error): FactoryError {
  const isTaken = /address already in use/i.test(cause.message);
  const reason = isTaken ? 'another program uses this address' : cause.message;
  return new FactoryError('InvalidParameter', `${name}: cannot listen at ${host}:${port}: ${reason}`, {
    hint: 'give another address',
    cause,
  });
}
