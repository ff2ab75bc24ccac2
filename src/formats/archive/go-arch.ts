/** Names of architectures in the language Go. Others, such as `ppc64le`, `s390x` and `riscv64`, are the same there. */
const GO_ARCHES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', i386: '386', armv7l: 'arm' };

/** Returns the name that Vagrant boxes and container images have for an architecture. */
export function goArch(arch: string): string {
  return GO_ARCHES[arch] ?? arch;
}
