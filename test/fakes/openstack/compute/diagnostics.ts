import type { Fields } from '../core/values.js';
import type { FakeServer } from '../state.js';

/**
 * Builds the diagnostics of a running server: its counters. Before microversion 2.48 the counters have libvirt's names.
 * From 2.48 on they have names that are the same for all hypervisors.
 */
export function diagnosticsView(server: FakeServer, mac: string, version: number): Fields {
  const { disk, network } = server.traffic;
  if (version < 48) {
    const tap = `tap${server.id.slice(0, 11)}`;
    return { vda_read: 0, vda_write: disk, vda_read_req: 0, vda_write_req: 1, vda_errors: -1, [`${tap}_rx`]: network, [`${tap}_tx`]: 0, memory: server.flavor.ram * 1024 }; // prettier-ignore
  }
  return {
    state: 'running',
    driver: 'libvirt',
    hypervisor: 'qemu',
    hypervisor_os: 'linux',
    uptime: Math.round((Date.now() - (server.launchedAt ?? Date.now())) / 1000),
    config_drive: server.configDrive,
    num_cpus: server.flavor.vcpus,
    num_nics: 1,
    num_disks: 1,
    disk_details: [{ read_bytes: 0, read_requests: 0, write_bytes: disk, write_requests: 1, errors_count: -1 }],
    cpu_details: [{ id: 0, time: 140_000_000, utilisation: null }],
    nic_details: [{ mac_address: mac, rx_octets: network, rx_errors: 0, rx_drop: 0, rx_packets: 1, rx_rate: null, tx_octets: 0, tx_errors: 0, tx_drop: 0, tx_packets: 0, tx_rate: null }],
    memory_details: { maximum: 0, used: 0 },
  }; // prettier-ignore
}
