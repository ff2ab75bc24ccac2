import { parseDigest } from '../domain/digest.js';
import { FactoryError } from '../domain/errors.js';
import { parseImageSource } from '../domain/image-source.js';
import type { BuildParameters } from '../domain/parameters.js';
import type { InstallerPlan } from '../os/installer/types.js';

/**
 * Checks the parameters of a build that customises an image that exists (parameter `jeos`), as far as this is possible
 * without the cloud. Other builds may not have the parameters of such an image.
 * @throws FactoryError InvalidParameter; InvalidInstallScript when there is an install script too
 */
export function checkGivenImage(parameters: BuildParameters, installScript: string | undefined): void {
  const { jeos, jeos_checksum: checksum, firmware } = parameters;
  if (checksum !== undefined) parseDigest(checksum);
  if (jeos === undefined) {
    if (checksum === undefined) return;
    throw new FactoryError('InvalidParameter', 'parameter jeos_checksum: parameter jeos names no image', {
      hint: 'name the image with --jeos, or leave jeos_checksum out',
    });
  }
  const source = parseImageSource(jeos, 'parameter jeos');
  if (installScript !== undefined) {
    throw new FactoryError('InvalidInstallScript', 'an image that exists (--jeos) is not installed again', {
      hint: 'leave out the install script, or leave out --jeos',
    });
  }
  if (source.kind === 'server' && checksum === undefined) {
    throw new FactoryError('InvalidParameter', 'parameter jeos: an image at an address needs its digest', {
      hint: 'give the digest that its publisher names: --parameter jeos_checksum sha256:… or sha512:…',
    });
  }
  if (firmware !== undefined) {
    throw new FactoryError(
      'InvalidParameter',
      'parameter firmware: an image that exists (--jeos) has its own firmware',
      {
        hint: 'set the property hw_firmware_type of the image in Glance, and leave firmware out',
      },
    );
  }
}

/** The properties of a base image that describe its system, and not its machine. */
const SYSTEM_PROPERTIES = ['os_type', 'os_distro', 'os_version', 'architecture'];

/**
 * Takes from the plan of an installer what a build of an image that exists needs: no medium and no drivers. The base
 * image keeps the properties of that image, also those with which it boots, because its machine needs them.
 */
export function withoutInstaller(whole: InstallerPlan): InstallerPlan {
  const plan = { ...whole };
  delete plan.medium;
  delete plan.drivers;
  const described = Object.entries(plan.imageProperties).filter(([name]) => SYSTEM_PROPERTIES.includes(name));
  return { ...plan, imageProperties: Object.fromEntries(described), strippedProperties: [] };
}
