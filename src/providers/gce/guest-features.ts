import { FactoryError } from '../../domain/errors.js';
import type { PushedImage } from '../types.js';

const ARCHITECTURES: Readonly<Record<string, 'X86_64' | 'ARM64'>> = { x86_64: 'X86_64', aarch64: 'ARM64' };

/** The architecture in Compute Engine's words. @throws FactoryError InvalidParameter for one that it does not have */
export function architectureOf(arch: string): 'X86_64' | 'ARM64' {
  const architecture = ARCHITECTURES[arch];
  if (architecture !== undefined) return architecture;
  throw new FactoryError('InvalidParameter', `Compute Engine has no machines of the architecture ${arch}`, {
    hint: `push an image of one of these architectures: ${Object.keys(ARCHITECTURES).join(', ')}`,
  });
}

/** From which version on a system has the driver or the support that a feature needs. */
interface Support {
  /** The system’s name without case, spaces and punctuation. */
  system: RegExp;
  /** Several queues of the SCSI controller. */
  multiqueue: number;
  /** Google's network adapter, driver `gve`: Linux 5.3. */
  gvnic: number;
  /** Encrypted memory, AMD SEV: Linux 4.15. */
  sev?: number;
  /** SEV with live migration. */
  sevMigration?: number;
  /** Encrypted memory with integrity, AMD SEV-SNP: Linux 5.19, or a vendor's backport. */
  snp?: number;
  /** Trust domains, Intel TDX: Linux 6.2, or a vendor's backport. */
  tdx?: number;
  /** Intel's network adapter, driver `idpf`: Linux 6.7, or a vendor's backport. */
  idpf?: number;
}

/**
 * Where Google publishes images of a system, these are the versions of its own lists (GoogleCloudPlatform/
 * compute-image-tools, daisy_workflows/build-publish; osbuild/images, pkg/cloud/gcp/compute.go). Elsewhere it is the
 * version of the kernel. A feature that is missing costs speed; a feature that the system does not have costs its
 * network or its start. So a system that is not in the list gets none of these.
 */
const SYSTEMS: readonly Support[] = [
  { system: /^debian$/, multiqueue: 10, gvnic: 12, sev: 12, sevMigration: 12, snp: 13, idpf: 13 },
  // Canonical's kernel of the release itself, which we install: not the kernel `linux-gcp` of Google's images.
  {
    system: /^ubuntu$/,
    multiqueue: 16.04,
    gvnic: 20.04,
    sev: 20.04,
    sevMigration: 22.04,
    snp: 24.04,
    tdx: 24.04,
    idpf: 24.04,
  },
  {
    system: /^(rhel|redhatenterpriselinux|centos(stream)?|rocky(linux)?|alma(linux)?|ol|oel|oracle(enterprise)?linux)$/,
    multiqueue: 8,
    gvnic: 9,
    sev: 8,
    sevMigration: 10,
    snp: 9,
    tdx: 10,
    idpf: 10,
  },
  { system: /^fedora$/, multiqueue: 27, gvnic: 33, sev: 33, snp: 38, tdx: 38, idpf: 40 },
  { system: /^(opensuse(leap)?|leap|sles?|suselinuxenterprise(server)?)$/, multiqueue: 15, gvnic: 15.3, sev: 15.3 },
  { system: /^(opensuse)?tumbleweed$/, multiqueue: 0, gvnic: 0, sev: 0 },
];

/** Features of Windows: its clock shows local time, and its licence server is Google's. */
const WINDOWS = ['MULTI_IP_SUBNET', 'VIRTIO_SCSI_MULTIQUEUE', 'WINDOWS'];

/**
 * The features of the guest by which Compute Engine chooses firmware and devices.
 *
 * `UEFI_COMPATIBLE` makes every machine start with UEFI firmware, so only images have it that were installed with UEFI.
 * Encrypted memory needs UEFI; the lists have the features of it for x86_64 alone.
 */
export function guestOsFeatures({ os, firmware }: Pick<PushedImage, 'os' | 'firmware'>): string[] {
  const isUefi = firmware === 'uefi';
  const isX86 = architectureOf(os.arch) === 'X86_64';
  const system = os.name.toLowerCase().replace(/[^a-z]/g, '');
  const uefi = isUefi ? ['UEFI_COMPATIBLE'] : [];
  if (system.startsWith('win')) return [...uefi, ...WINDOWS].sort();
  const support = SYSTEMS.find((entry) => entry.system.test(system));
  if (support === undefined) return uefi;
  const has = (since: number | undefined, condition: boolean): boolean =>
    condition && since !== undefined && readVersion(os.version) >= since;
  const features = {
    VIRTIO_SCSI_MULTIQUEUE: has(support.multiqueue, isX86),
    GVNIC: has(support.gvnic, true),
    IDPF: has(support.idpf, true),
    SEV_CAPABLE: has(support.sev, isX86 && isUefi),
    SEV_LIVE_MIGRATABLE_V2: has(support.sevMigration, isX86 && isUefi),
    SEV_SNP_CAPABLE: has(support.snp, isX86 && isUefi),
    TDX_CAPABLE: has(support.tdx, isX86 && isUefi),
  };
  const chosen = Object.entries(features).filter(([, isThere]) => isThere);
  return [...uefi, ...chosen.map(([feature]) => feature)].sort();
}

/** Reads `24.04`, `9.4`, `15-SP5`, `12`. A version without a number, such as `rawhide`, is newer than every other. */
function readVersion(version: string): number {
  const [, major, minor = '0'] = /^(\d+)(?:(?:\.|-?sp)(\d+))?/i.exec(version) ?? [];
  return major === undefined ? Infinity : Number(`${major}.${minor}`);
}
