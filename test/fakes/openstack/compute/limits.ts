import type { Routes } from '../core/http.js';
import type { CloudState } from '../state.js';
import { computeUsage } from './create-request.js';

/** Adds routes for limits, quotas and availability zones: https://docs.openstack.org/api-ref/compute/#limits-limits */
export function addLimitRoutes(routes: Routes, state: CloudState): void {
  const { quotas } = state;
  routes
    .on('GET', '/v2.1/limits', () => {
      const used = computeUsage(state);
      const absolute = {
        maxTotalInstances: quotas.instances,
        maxTotalCores: quotas.cores,
        maxTotalRAMSize: quotas.ram,
        maxServerMeta: 128,
        maxTotalKeypairs: quotas.keyPairs,
        maxServerGroups: 10,
        maxServerGroupMembers: 10,
        totalRAMUsed: used.ram,
        totalCoresUsed: used.cores,
        totalInstancesUsed: used.instances,
        totalServerGroupsUsed: 0,
      };
      return { status: 200, json: { limits: { rate: [], absolute } } };
    })
    .on('GET', '/v2.1/os-quota-sets/:project', (call) => {
      const quota = { id: call.params['project'], cores: quotas.cores, instances: quotas.instances, key_pairs: quotas.keyPairs, metadata_items: 128, ram: quotas.ram, server_group_members: 10, server_groups: 10 }; // prettier-ignore
      return { status: 200, json: { quota_set: quota } };
    })
    .on('GET', '/v2.1/os-availability-zone', () => ({
      status: 200,
      json: { availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true }, hosts: null }] },
    }));
}
