import { BlockList } from 'node:net';
import type { CloudState, FakeRule, FakeServer } from '../state.js';

/** Checks whether the security groups of the server allow the address `from` to connect to port 22. */
export function isAllowed(state: CloudState, server: FakeServer, from: string): boolean {
  const address = from.replace(/^::ffff:/, '');
  return server.securityGroups.some(
    (id) => state.securityGroups.get(id)?.rules.some((rule) => allows(rule, address)) === true,
  );
}

function allows(rule: FakeRule, address: string): boolean {
  if (rule.direction !== 'ingress' || rule.remote_group_id !== null) return false;
  if (rule.protocol !== null && rule.protocol !== 'tcp' && rule.protocol !== '6') return false;
  if (rule.port_range_min !== null && (rule.port_range_min > 22 || (rule.port_range_max ?? rule.port_range_min) < 22))
    return false;
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  if ((rule.ethertype === 'IPv6') !== (family === 'ipv6')) return false;
  if (rule.remote_ip_prefix === null) return true;
  const [network = '', bits = '32'] = rule.remote_ip_prefix.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, family);
}
