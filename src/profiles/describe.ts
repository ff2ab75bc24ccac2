import { FAMILIES } from '../os/registry.js';
import { parseFragment } from '../tdl/fragments.js';
import { PROFILES } from './registry.js';

/** What a profile does in the guests of some systems, for people. */
export interface DescribedVariant {
  /** The systems: "Debian", "Red Hat Enterprise Linux from 7". */
  systems: string[];
  /** Architectures. Empty: all. */
  architectures: string[];
  packages: string[];
  /** Drivers that must be in the initramfs or in the kernel. */
  drivers: string[];
  /** Drivers that the kernel must have. */
  modules: string[];
  kernelArguments: string[];
  /** cloud-init's datasources. Empty: those of the base image. */
  datasources: string[];
  /** What else is done: "user vagrant". Null when nothing. */
  besides: string | null;
}

/** A profile of a target: what the guest gets before the image is converted. */
export interface DescribedProfile {
  name: string;
  variants: DescribedVariant[];
}

/** Describes the profiles of all targets, by system. Systems that a profile does not name stay as they are. */
export function listTargetProfiles(): DescribedProfile[] {
  return PROFILES.map(({ name, variants }) => ({
    name,
    variants: variants.map((variant) => ({
      systems: variant.families.map((family) => nameSystem(family, variant.from)),
      architectures: [...(variant.arches ?? [])],
      packages: parseFragment(variant.fragment ?? '', name).packages.map((item) => item.name),
      drivers: [...(variant.drivers ?? [])],
      modules: [...(variant.modules ?? [])],
      kernelArguments: [...(variant.kernelArguments ?? [])],
      datasources: [...(variant.datasources ?? [])],
      besides: variant.summary ?? null,
    })),
  }));
}

/** Names a family for people, with the first version if the family has older ones. */
function nameSystem(id: string, from: string | undefined): string {
  const family = FAMILIES.find((candidate) => candidate.family === id);
  const title = family?.title ?? id;
  const first = Number(family?.releases[0]?.from);
  return from === undefined || Number.isNaN(first) || first >= Number(from) || first === 0
    ? title
    : `${title} from ${from}`;
}
