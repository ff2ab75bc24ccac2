import type { GuestRequirements } from '../domain/prepared-image.js';
import { compareVersions, parseVersion } from '../os/common/versions.js';
import { isEmptyFragment, mergeFragments, parseFragment } from '../tdl/fragments.js';
import type { Command, Fragment, TemplateFile } from '../tdl/types.js';
import { renderInitramfsScript, renderKernelArgumentsScript } from './boot-scripts.js';
import type { GuestSystem, Preparation, ProfileVariant, TargetProfile } from './types.js';

/** Finds what a profile needs in a system. Returns undefined when the profile does not know the system. */
export function findVariant(
  profile: TargetProfile,
  { family, version, arch }: GuestSystem,
): ProfileVariant | undefined {
  return profile.variants.find(
    ({ families, from, arches }) =>
      families.includes(family) &&
      (from === undefined || compareVersions(version, parseVersion(from) ?? []) >= 0) &&
      (arches === undefined || arches.includes(arch)),
  );
}

/**
 * Plans what is done in the guest for a target: what the profile needs, then what the user's own fragments add. Returns
 * undefined when there is nothing to do, so that nothing needs to be booted.
 */
export function planPreparation(
  variant: ProfileVariant | undefined,
  arch: string,
  own: readonly Fragment[],
): Preparation | undefined {
  const requirements = listRequirements(variant, arch);
  const built = variant === undefined ? [] : [renderVariant(variant, requirements)];
  const fragment = mergeFragments([...built, ...own]);
  return isEmptyFragment(fragment) && !hasRequirements(requirements) ? undefined : { fragment, requirements };
}

/** Whether there is anything that a guest must have. */
export function hasRequirements({ drivers, modules, kernelArguments }: GuestRequirements): boolean {
  return drivers.length + modules.length + kernelArguments.length > 0;
}

/** Renders everything that a variant does in the guest, as a fragment of a template. */
function renderVariant(variant: ProfileVariant, { kernelArguments }: GuestRequirements): Fragment {
  const { fragment = '', datasources = [], drivers = [], optionalDrivers = [] } = variant;
  const written = parseFragment(fragment, 'profile');
  const added = [...drivers, ...optionalDrivers];
  return mergeFragments([
    written,
    {
      packages: [],
      repositories: [],
      files: datasources.length === 0 ? [] : writeDatasources(datasources),
      precommands: [],
      commands: [
        ...(kernelArguments.length === 0
          ? []
          : [command('kernel arguments', renderKernelArgumentsScript(kernelArguments))]),
        ...(added.length === 0 ? [] : [command('initramfs', renderInitramfsScript(added))]),
      ],
    },
  ]);
}

function command(name: string, text: string): Command {
  return { name, content: { type: 'raw', text } };
}

function listRequirements(variant: ProfileVariant | undefined, arch: string): GuestRequirements {
  const { drivers = [], modules = [], kernelArguments = [] } = variant ?? {};
  return { drivers, modules, kernelArguments: kernelArguments.filter((argument) => isForArch(argument, arch)) };
}

/** Whether a machine of an architecture has the serial console that an argument of the kernel names. */
function isForArch(argument: string, arch: string): boolean {
  return !/=ttyS\d/.test(argument) || arch === 'x86_64' || arch === 'i386';
}

/**
 * Chooses cloud-init's datasources. Where none of them has data, cloud-init must run nevertheless: it makes the SSH
 * host keys, which an image does not contain.
 */
function writeDatasources(datasources: readonly string[]): TemplateFile[] {
  const write = (name: string, text: string): TemplateFile => ({ name, content: { type: 'raw', text } });
  return [
    write('/etc/cloud/cloud.cfg.d/99-imagefactory-target.cfg', `datasource_list: [ ${datasources.join(', ')} ]\n`),
    write('/etc/cloud/ds-identify.cfg', 'policy: search,found=all,maybe=all,notfound=enabled\n'),
  ];
}
