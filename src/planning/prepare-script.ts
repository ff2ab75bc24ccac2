import { checkInstallScript, type CheckedScript } from '../os/scripts/check-install-script.js';
import { renderScript } from '../os/scripts/render-script.js';
import { writeStockScript } from '../os/scripts/stock-script.js';
import type { PlanInput, SystemPlan } from './plan-system.js';

/**
 * Prepares the install script of a build, and checks it. Fills a given script with the template's values when parameter
 * `render_script` is true. Without a given script, writes the stock script of the operating system. A build of an image
 * that exists has an empty script.
 *
 * @throws FactoryError InvalidInstallScript for a placeholder without a value; InvalidTemplate or InvalidParameter when
 *   no stock script can be written
 */
export function prepareScript(
  { template, installScript, parameters }: PlanInput,
  { profile, installer, user }: SystemPlan,
): CheckedScript {
  if (parameters.jeos !== undefined) return { script: '', problems: [], warnings: [] };
  const context = {
    transport: installer.scriptTransport,
    bootMethod: parameters.boot_method,
    assumesPowerOff: parameters.assume_poweroff,
  };
  if (installScript !== undefined) {
    const script = parameters.render_script ? renderScript(installScript, template) : installScript;
    return checkInstallScript(profile.scriptKind, script, context);
  }
  const script = writeStockScript({
    template,
    profile,
    diskLayout: parameters.disk_layout,
    user,
    windowsImage: parameters.windows_image,
    drivers: parameters.drivers_iso !== undefined,
  });
  const checked = checkInstallScript(profile.scriptKind, script, context);
  const note = 'no install script is given, so the build uses the stock script (imagefactory install-script prints it)';
  return { ...checked, warnings: [...checked.warnings, note] };
}
