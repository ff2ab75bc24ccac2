import { createHash } from 'node:crypto';
import { FactoryError } from '../domain/errors.js';
import type { BuildParameters } from '../domain/parameters.js';
import { resolveGuestPath } from '../os/guest/guest-users.js';
import type { Firmware } from '../os/installer/firmware.js';
import type { InstallerPlan } from '../os/installer/types.js';
import type { OsProfile } from '../os/profile/types.js';
import { refuseExcessiveSecrets } from './secrets.js';
import type { Command, Repository, Template, TemplateFile } from '../tdl/types.js';
import type { CheckedScript } from '../os/scripts/check-install-script.js';
import { type PlanInput, planSystem, type SystemPlan } from './plan-system.js';
import { prepareScript } from './prepare-script.js';

/**
 * One step of the customisation. Its name (`command:2 tidy`) is stable: histories and the guest's journal contain it.
 */
export type GuestStep = { name: string; title: string } & (
  | { kind: 'repository' | 'remove-repository'; repository: Repository }
  | { kind: 'packages'; packages: string[] }
  | { kind: 'file'; file: TemplateFile }
  | { kind: 'precommand' | 'command'; command: Command }
);

/** The plan of a build: pure data, which `planBuild` computes before the build fetches or boots anything. */
export interface BuildPlan {
  template: Template;
  /** "Debian 12 x86_64" */
  osLabel: string;
  /** Name of the OS family, such as `debian`. */
  family: string;
  installer: InstallerPlan;
  /** Text of the install script. */
  script: string;
  /** The user that the build logs in as. */
  user: string;
  /** The firmware of the instances. Unset: the cloud's default. */
  firmware?: Firmware;
  /** Warnings for the user; they do not stop the build. */
  warnings: string[];
  /** The customisation, in order. */
  steps: GuestStep[];
}

/**
 * Plans a build.
 *
 * @throws FactoryError UnsupportedOs; InvalidInstallScript, with one line for each mistake; InvalidTemplate for
 *   mistakes that only the OS profile can find; InvalidParameter for a parameter that does not fit the OS or another
 *   parameter
 */
export function planBuild(input: PlanInput): BuildPlan {
  refuseExcessiveSecrets(input.template, input.installScript);
  const system = planSystem(input);
  return completePlan(input, system, prepareScript(input, system));
}

/**
 * Makes the plan of a build from its parts. A caller that also reports the mistakes of the script has these parts
 * already, and the check of a large script takes seconds.
 *
 * @throws FactoryError InvalidInstallScript, with one line for each mistake
 */
export function completePlan(
  { template }: PlanInput,
  { profile, installer, firmware, user, warnings }: SystemPlan,
  { script, problems, lacksPowerOff, warnings: ofScript }: CheckedScript,
): BuildPlan {
  if (problems.length > 0) {
    const lines = problems.map(({ line, column, message }) => `install_script:${line}:${column}: ${message}`);
    throw new FactoryError('InvalidInstallScript', lines.join('\n'), {
      hint:
        lacksPowerOff === true
          ? 'the machine must power itself off at the end of the installation: the build waits for this power-off'
          : 'correct the script; imagefactory validate TEMPLATE --file-parameter install_script FILE checks it without a build',
    });
  }
  const { name, version, arch } = template.os;
  return {
    template,
    osLabel: `${name} ${version} ${arch}`,
    family: profile.family,
    installer,
    script,
    user,
    ...(firmware === undefined ? {} : { firmware }),
    warnings: [...warnings, ...ofScript],
    steps: planGuestSteps(template, profile),
  };
}

/**
 * Plans the steps of the customisation, in Oz's order: repositories, precommands, packages, files, commands, removal of
 * repositories.
 */
export function planGuestSteps(template: Template, profile: Pick<OsProfile, 'shell'>): GuestStep[] {
  const { repositories, precommands, packages, files, commands } = template;
  const passing = repositories.filter(({ persisted }) => !persisted);
  return [
    ...numberSteps(repositories, (repository) => ({
      title: `add repository ${repository.name}`,
      kind: 'repository' as const,
      repository,
    })),
    ...numberSteps(precommands, (command) => ({
      title: `run precommand ${command.name}`,
      kind: 'precommand' as const,
      command,
    })),
    ...planPackageSteps(packages.map(({ name }) => name)),
    ...numberSteps(files, (file) => ({
      title: `write ${file.name}`,
      kind: 'file' as const,
      file: { ...file, name: resolveGuestPath(file.name, profile) },
    })),
    ...numberSteps(commands, (command) => ({
      title: `run command ${command.name}`,
      kind: 'command' as const,
      command,
    })),
    ...numberSteps(passing, (repository) => ({
      title: `remove repository ${repository.name}`,
      kind: 'remove-repository' as const,
      repository,
    })),
  ];
}

/** Computes a digest of a step. When the digests of two steps are equal, the steps are the same. */
export function computeStepDigest(step: GuestStep): string {
  return computeDigest(step);
}

/** Computes a digest of a value: 16 hex digits; equal values have equal digests. */
export function computeDigest(item: unknown): string {
  return createHash('sha256').update(canonicalJson(item)).digest('hex').slice(0, 16);
}

/** Maximum length, in characters, of the part of a step's name that is the item's own name. */
const SHOWN = 60;

/** Shortens the name of an item, and puts it on one line. The number before it makes the name of the step unique. */
function shortenName(name: string): string {
  return name.replace(/\s+/g, ' ').trim().slice(0, SHOWN);
}

function numberSteps<T extends { name: string }, S extends { kind: string }>(
  items: readonly T[],
  step: (item: T) => S,
): (S & { name: string })[] {
  return items.map((item, index) => {
    const made = step(item);
    return { ...made, name: `${made.kind}:${index + 1} ${shortenName(item.name)}`.trimEnd() };
  });
}

function planPackageSteps(packages: string[]): GuestStep[] {
  if (packages.length === 0) return [];
  const [first] = packages;
  const title = packages.length === 1 ? `install package ${first}` : `install ${packages.length} packages`;
  return [{ name: 'packages', title, kind: 'packages', packages }];
}

/** Increase this number when the same input makes another JEOS than before. Then no build reuses an older JEOS. */
const JEOS_REVISION = 1;

/**
 * Computes the digest of everything that determines what a JEOS contains. Two builds with the same digest may share one
 * installer's run. The digest does not contain the customisation (packages, files, commands).
 *
 * @param flavor name of the flavor that the installer runs on
 * @param rootVolume size in GiB of the volume that the installer installs to; undefined when it is not a volume
 * @param isoImage id of the image in Glance that the template names as its medium; undefined when it names none
 * @returns SHA-256, 64 hex digits
 */
export function computeJeosDigest(input: {
  plan: BuildPlan;
  parameters: BuildParameters;
  flavor: string;
  rootVolume?: number | undefined;
  isoImage?: string | undefined;
}): string {
  const { plan, parameters, flavor, rootVolume, isoImage } = input;
  const { os, diskSize } = plan.template;
  const { kernel, ramdisk, medium, drivers, commandLine, scriptKind, scriptTransport } = plan.installer;
  const { bootImageProperties, imageProperties } = plan.installer;
  const shapes = {
    revision: JEOS_REVISION,
    family: plan.family,
    version: os.version,
    arch: os.arch,
    install: os.install,
    kernel: { urls: kernel.urls, checksum: parameters.kernel_checksum },
    ramdisk: { urls: ramdisk.urls, checksum: parameters.ramdisk_checksum },
    commandLine,
    script: { kind: scriptKind, transport: scriptTransport, text: plan.script },
    properties: { boot: bootImageProperties, image: imageProperties },
    diskSize,
    flavor,
    // We leave out members that a build does not use. So the digest of such a build is the same as in earlier versions
    // of this program, and the build can still reuse its JEOS.
    ...(parameters.boot_method === undefined || parameters.boot_method === 'direct'
      ? {}
      : { boot: parameters.boot_method }),
    ...(medium === undefined ? {} : { medium, isoChecksum: parameters.iso_checksum }),
    // A build that requires a signature must not reuse a JEOS of unsigned media.
    ...(parameters.checksum_key === undefined ? {} : { checksumKey: parameters.checksum_key }),
    ...(drivers === undefined ? {} : { drivers }),
    ...(rootVolume === undefined ? {} : { rootVolume }),
    ...(isoImage === undefined ? {} : { isoImage }),
  };
  return createHash('sha256').update(canonicalJson(shapes)).digest('hex');
}

/** Writes JSON with sorted keys, so that equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : part,
  );
}
