import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { FactoryError } from '../domain/errors.js';
import { addressDeniedError, toMediaError } from './failures.js';
import { parseUrl } from './urls.js';

/**
 * The ranges to which the worker does not connect for a template, unless its operator opens them. A template must not
 * read data that only the worker's machine, or a machine on the same link, can reach.
 */
const DENIED = [
  // "This host on this network" (RFC 1122): on Linux, these addresses lead to the machine itself. `addRange` adds their
  // IPv6 forms, such as `::` and `::1`.
  '0.0.0.0/8',
  // Loopback (RFC 1122).
  '127.0.0.0/8',
  // Link-local (RFC 3927, RFC 4291): most clouds have their metadata service here.
  '169.254.0.0/16',
  'fe80::/10',
  // Metadata services at other addresses: Amazon and Google over IPv6, Alibaba, Oracle, Azure.
  'fd00:ec2::254',
  'fd20:ce::254',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  // Multicast and broadcast: no server of media has such an address.
  '224.0.0.0/4',
  'ff00::/8',
  '255.255.255.255',
];

/**
 * The first 96 bits of IPv6 addresses whose last 32 bits are an IPv4 address: IPv4-mapped, IPv4-compatible (RFC 4291),
 * IPv4-translated (RFC 2765), NAT64 (RFC 6052, RFC 8215).
 */
const IPV6_FORMS = ['::ffff:', '::', '::ffff:0:', '64:ff9b::', '64:ff9b:1::'];

/** The names of the machine itself (RFC 6761). */
const LOCALHOST = /^(?:.+\.)?localhost\.?$/i;

/**
 * Decides to which addresses the worker connects for a template. By default these are all addresses except loopback,
 * link-local, metadata, multicast and broadcast addresses. Private networks are allowed, because organisations have
 * their mirrors there.
 */
export class AddressPolicy {
  private readonly denied = new BlockList();
  private readonly allowed = new BlockList();

  /**
   * @param allowed the ranges that the worker's operator opens (CIDR, or one address)
   * @throws FactoryError InvalidParameter when an element of `allowed` is not a range of addresses
   */
  constructor(allowed: readonly string[] = []) {
    for (const range of DENIED) addRange(this.denied, range);
    for (const range of allowed) addRange(this.allowed, range);
  }

  isDenied(address: string): boolean {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return this.denied.check(address, family) && !this.allowed.check(address, family);
  }

  /**
   * Refuses a URL whose host is a denied address or `localhost`. `lookup` cannot refuse every such URL: it is not
   * called for a host that is an IP address, or when a proxy or Glance makes the connection.
   *
   * @throws FactoryError MediaUnavailable, not retryable
   */
  checkUrl(url: string): void {
    const host = parseUrl(url)?.hostname.replace(/^\[(.*)\]$/, '$1') ?? '';
    const addresses = LOCALHOST.test(host) ? ['127.0.0.1', '::1'] : [host];
    if (addresses.every((address) => isIP(address) !== 0 && this.isDenied(address)))
      throw toMediaError(url, addressDeniedError(host, addresses));
  }

  /**
   * Resolves a name for a socket, as `dns.lookup` does, but returns only addresses that are allowed. The socket
   * connects to what this function returns, so a name cannot have one address for the check and another for the
   * connection.
   */
  readonly lookup: LookupFunction = (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const open = found.filter(({ address }) => !this.isDenied(address));
      const [first] = open;
      const addresses = found.map(({ address }) => address);
      if (first === undefined) callback(addressDeniedError(host, addresses), []);
      else if (options.all === true) callback(null, open);
      else callback(null, first.address, first.family);
    });
  };
}

/** The policy of a worker whose operator has opened no address. */
export const DEFAULT_ADDRESSES = new AddressPolicy();

/** Adds a range to a list. Also adds all IPv6 forms of an IPv4 range, because they lead to the same machines. */
function addRange(list: BlockList, range: string): void {
  const { address, bits } = parseRange(range);
  if (isIP(address) === 6) return list.addSubnet(address, bits, 'ipv6');
  list.addSubnet(address, bits, 'ipv4');
  for (const before of IPV6_FORMS) list.addSubnet(`${before}${address}`, 96 + bits, 'ipv6');
  // A 6to4 address (RFC 3056) contains the IPv4 address after its first 16 bits.
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  list.addSubnet(`2002:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}::`, 16 + bits, 'ipv6');
}

function parseRange(range: string): { address: string; bits: number } {
  const [address = '', length, ...rest] = range.trim().split('/');
  const most = isIP(address) === 6 ? 128 : 32;
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : NaN;
  if (isIP(address) !== 0 && !address.includes('%') && bits <= most && rest.length === 0) return { address, bits };
  throw new FactoryError('InvalidParameter', `${JSON.stringify(range)} is not a range of addresses`, {
    hint: '--allow-address and allow_addresses take a range such as 127.0.0.0/8, or one address such as ::1',
  });
}
