import { quotaError } from '../core/quota-error.js';
import { ApiError, type Call, type Reply, type Routes } from '../core/http.js';
import { asFields, asText, asTextOr, type Fields } from '../core/values.js';
import { createRule, type CloudState, type FakeRule, type FakeSecurityGroup } from '../state.js';
import { checkAttributes, readResource } from './body.js';
import { listReply } from './filter.js';
import type { NetworkViews } from './views.js';

const GROUP_ATTRIBUTES = [
  'id',
  'name',
  'description',
  'project_id',
  'tenant_id',
  'stateful',
  'shared',
  'revision_number',
];
const RULE_ATTRIBUTES = ['id', 'security_group_id', 'direction', 'ethertype', 'protocol', 'port_range_min', 'port_range_max', 'remote_ip_prefix', 'remote_group_id', 'remote_address_group_id', 'description', 'project_id', 'tenant_id', 'revision_number']; // prettier-ignore

/**
 * Adds the routes for security groups and their rules:
 * https://docs.openstack.org/api-ref/network/v2/#security-groups-security-groups
 */
export function addSecurityGroupRoutes(routes: Routes, state: CloudState, views: NetworkViews): void {
  routes
    .on('GET', '/v2.0/security-groups', (call) =>
      listReply(
        call,
        'security_groups',
        [...state.securityGroups.values()].map((group) => views.group(group)),
        GROUP_ATTRIBUTES,
      ),
    )
    .on('POST', '/v2.0/security-groups', async (call) => {
      const given = readResource(await call.json(), 'security_group');
      checkAttributes(given, ['name', 'description', 'stateful', 'tenant_id', 'project_id']);
      const limit = state.quotas.securityGroups;
      if (limit >= 0 && state.securityGroups.size >= limit)
        throw quotaError('network', "Quota exceeded for resources: ['security_group'].");
      const group = state.addSecurityGroup(asTextOr(given['name'], ''), asTextOr(given['description'], ''));
      return { status: 201, json: { security_group: views.group(group) } };
    })
    .on('GET', '/v2.0/security-groups/:id', (call) => ({
      status: 200,
      json: { security_group: views.group(findGroup(state, call.params['id'])) },
    }))
    .on('PUT', '/v2.0/security-groups/:id', async (call) => {
      const group = findGroup(state, call.params['id']);
      const given = readResource(await call.json(), 'security_group');
      group.name = asTextOr(given['name'], group.name);
      group.description = asTextOr(given['description'], group.description);
      return { status: 200, json: { security_group: views.group(group) } };
    })
    .on('DELETE', '/v2.0/security-groups/:id', (call) => deleteGroup(state, call))
    .on('GET', '/v2.0/security-group-rules', (call) => {
      const rules = [...state.securityGroups.values()].flatMap((group) => group.rules);
      return listReply(
        call,
        'security_group_rules',
        rules.map((rule) => views.rule(rule)),
        RULE_ATTRIBUTES,
      );
    })
    .on('POST', '/v2.0/security-group-rules', async (call) => ({
      status: 201,
      json: { security_group_rule: views.rule(addRule(state, readResource(await call.json(), 'security_group_rule'))) },
    }))
    .on('DELETE', '/v2.0/security-group-rules/:id', (call) => deleteRule(state, call));
}

function findGroup(state: CloudState, id: string | undefined): FakeSecurityGroup {
  const group = state.securityGroups.get(id ?? '');
  if (group !== undefined) return group;
  throw new ApiError(404, `Security group ${id} does not exist`, 'SecurityGroupNotFound');
}

function deleteGroup(state: CloudState, call: Call): Reply {
  const group = findGroup(state, call.params['id']);
  if ([...state.ports.values()].some((port) => port.security_groups.includes(group.id))) {
    throw new ApiError(409, `Security Group ${group.id} in use.`, 'SecurityGroupInUse');
  }
  state.securityGroups.delete(group.id);
  return { status: 204 };
}

function addRule(state: CloudState, given: Fields): FakeRule {
  checkAttributes(given, RULE_ATTRIBUTES);
  const group = findGroup(state, asText(given['security_group_id']));
  const rule = createRule(group.id, {
    direction: asTextOr(given['direction'], ''),
    ethertype: asTextOr(given['ethertype'], 'IPv4'),
    protocol: asText(given['protocol'])?.toLowerCase() ?? null,
    port_range_min: readPort(given['port_range_min']),
    port_range_max: readPort(given['port_range_max']),
    remote_ip_prefix: normalizeCidr(asText(given['remote_ip_prefix'])),
    remote_group_id: asText(given['remote_group_id']) ?? null,
    description: asTextOr(given['description'], ''),
  });
  if (rule.direction !== 'ingress' && rule.direction !== 'egress') {
    throw new ApiError(
      400,
      `Invalid input for direction. Reason: '${rule.direction}' is not in ['ingress', 'egress'].`,
      'HTTPBadRequest',
    );
  }
  const same = group.rules.find((other) => ruleKey(other) === ruleKey(rule));
  if (same !== undefined) {
    throw new ApiError(409, `Security group rule already exists. Rule id is ${same.id}.`, 'SecurityGroupRuleExists');
  }
  group.rules.push(rule);
  group.updated = Date.now();
  return rule;
}

function ruleKey({
  direction,
  ethertype,
  protocol,
  port_range_min,
  port_range_max,
  remote_ip_prefix,
  remote_group_id,
}: FakeRule): string {
  return JSON.stringify([
    direction,
    ethertype,
    protocol,
    port_range_min,
    port_range_max,
    remote_ip_prefix,
    remote_group_id,
  ]);
}

function readPort(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

function normalizeCidr(value: string | undefined): string | null {
  if (value === undefined) return null;
  if (!/^(\d+\.){3}\d+(\/\d+)?$|^[0-9a-f:]+(\/\d+)?$/i.test(value)) {
    throw new ApiError(400, `Invalid CIDR ${value} given as IP prefix.`, 'InvalidCIDR');
  }
  if (value.includes('/')) return value;
  return `${value}/${value.includes(':') ? 128 : 32}`;
}

function deleteRule(state: CloudState, call: Call): Reply {
  const id = call.params['id'] ?? '';
  for (const group of state.securityGroups.values()) {
    const index = group.rules.findIndex((rule) => rule.id === id);
    if (index < 0) continue;
    group.rules.splice(index, 1);
    return { status: 204 };
  }
  throw new ApiError(404, `Security group rule ${id} does not exist`, 'SecurityGroupRuleNotFound');
}

/** Finds the security groups that a request to Nova names by id or by name. @throws ApiError 400 when one is missing */
export function findGroups(state: CloudState, given: unknown[]): FakeSecurityGroup[] {
  return given.map((item) => {
    const name = asTextOr(asFields(item)['name'], '');
    const named =
      state.securityGroups.get(name) ?? [...state.securityGroups.values()].find((group) => group.name === name);
    if (named === undefined) throw new ApiError(400, `Unable to find security_group with name or id '${name}'`);
    return named;
  });
}
