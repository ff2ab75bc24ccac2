import { FactoryError } from '../domain/errors.js';
import type { BuildParameters } from '../domain/parameters.js';
import { chooseLoginUser } from '../os/guest/guest-users.js';
import { checkBootMethod } from '../os/installer/boot-method.js';
import { withDrivers } from '../os/installer/drivers.js';
import { type Firmware, withFirmware } from '../os/installer/firmware.js';
import { checkTree } from '../os/installer/installer-plan.js';
import { withTransport } from '../os/installer/script-transport.js';
import type { InstallerPlan } from '../os/installer/types.js';
import type { OsProfile } from '../os/profile/types.js';
import { findProfile } from '../os/registry.js';
import { SCRIPT_KINDS } from '../os/scripts/kinds/registry.js';
import type { Template } from '../tdl/types.js';
import { checkGivenImage, withoutInstaller } from './given-image.js';

/** The input of a plan. */
export interface PlanInput {
  template: Template;
  installScript?: string | undefined;
  parameters: BuildParameters;
}

/** The part of a plan that is made without the text of the install script. */
export interface SystemPlan {
  profile: OsProfile;
  installer: InstallerPlan;
  /** The firmware of the instances. Unset: the cloud's default. */
  firmware: Firmware | undefined;
  /** The user that the build logs in as. */
  user: string;
  /** Warnings for the user; they do not stop the build. */
  warnings: string[];
}

/**
 * Plans the system of a template and its installer. The result depends on whether there is an install script, but not
 * on its text.
 * @throws FactoryError UnsupportedOs; InvalidTemplate for mistakes that only the OS profile can find; InvalidParameter
 *   for a parameter that does not fit the OS or another parameter
 */
export function planSystem({ template, installScript, parameters }: PlanInput): SystemPlan {
  checkGivenImage(parameters, installScript);
  const { profile, warnings: ofProfile } = findProfile(template);
  const installs = parameters.jeos === undefined;
  if (installs) checkTree(template, profile.scriptKind);
  const firmware = installs ? chooseFirmware({ installScript, parameters }) : undefined;
  const installer = planInstaller(profile, template, {
    ...parameters,
    ...(firmware === undefined ? {} : { firmware }),
  });
  if (installs) checkBootMethod(parameters.boot_method, { plan: installer, arch: template.os.arch, firmware });
  for (const repository of template.repositories) profile.addRepository(repository);
  if (template.packages.length > 0) profile.installPackages(template.packages.map(({ name }) => name));
  const user = chooseLoginUser(profile, parameters);
  const { uefiWarning } = SCRIPT_KINDS[profile.scriptKind];
  const warnsOfUefi = installs && uefiWarning !== undefined && installer.imageProperties['hw_firmware_type'] === 'uefi';
  const warnings = [...ofProfile, ...(warnsOfUefi ? [uefiWarning] : []), ...warnOfExtraCommand(template, parameters)];
  return { profile, installer, firmware, user, warnings };
}

/** What a command that prints a line for each package calls or reads, in any system. */
const PACKAGE_LISTS = /\b(rpm|dpkg|dpkg-query|pkg|Uninstall)\b/;

/**
 * Warns of a command for the ICICLE that does not ask the package manager. It can hardly print one line for each
 * package, and then it has no effect.
 */
function warnOfExtraCommand({ os }: Template, { generate_icicle: isListed }: BuildParameters): string[] {
  const command = os.icicleExtraCommand;
  if (command === undefined || !isListed || PACKAGE_LISTS.test(command)) return [];
  return [
    '<extra_command> does not ask the package manager: if it does not print exactly one line for each package, in the ' +
      'order of the package list, the ICICLE is written without <extra>',
  ];
}

/**
 * Plans the template's installer, with the parameters for firmware, transport and drivers. For a build of an image that
 * exists, the plan has no medium.
 */
export function planInstaller(
  profile: OsProfile,
  template: Template,
  parameters: Pick<BuildParameters, 'jeos' | 'firmware' | 'script_transport' | 'drivers_iso' | 'drivers_iso_checksum'>,
): InstallerPlan {
  const { firmware, script_transport: transport, drivers_iso: url, drivers_iso_checksum: checksum } = parameters;
  if (parameters.jeos !== undefined) return withoutInstaller(profile.planInstaller(template));
  const drivers = url === undefined ? undefined : { url, ...(checksum === undefined ? {} : { checksum }) };
  const plan = withFirmware(profile.planInstaller(template), template.os.arch, firmware);
  return withTransport(withDrivers(plan, drivers), transport);
}

/**
 * Chooses the firmware by parameter `firmware`. When this parameter is unset, a stock script with disk_layout efi gets
 * UEFI, because it cannot boot without UEFI.
 * @throws FactoryError InvalidParameter when parameter `firmware` is `bios` for a stock script with disk_layout efi
 */
function chooseFirmware({
  installScript,
  parameters,
}: Pick<PlanInput, 'installScript' | 'parameters'>): Firmware | undefined {
  const { firmware, disk_layout: layout } = parameters;
  if (installScript !== undefined || layout !== 'efi') return firmware;
  if (firmware === 'bios') {
    throw new FactoryError(
      'InvalidParameter',
      'parameters firmware and disk_layout: firmware bios cannot boot a disk with disk_layout efi',
      {
        hint: 'leave one of the two parameters out',
      },
    );
  }
  return firmware ?? 'uefi';
}
