/** Families that profiles treat alike. */
export const DEBIAN_LIKE = ['debian', 'ubuntu'] as const;

/** Red Hat Enterprise Linux and the systems that are built from it. */
export const ENTERPRISE_LINUX = [
  'rhel',
  'centos',
  'centos-stream',
  'rocky',
  'almalinux',
  'oraclelinux',
  'scientificlinux',
] as const;

export const SUSE = ['opensuse', 'tumbleweed', 'sles'] as const;
