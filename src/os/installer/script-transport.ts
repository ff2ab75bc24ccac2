import { FactoryError } from '../../domain/errors.js';
import { USER_DATA_URL } from './installer-plan.js';
import type { InstallerPlan, InstallScriptKind, ScriptTransport } from '../types.js';

/** Nova's configuration drive: https://docs.openstack.org/nova/latest/user/metadata.html#config-drives */
const ON_CONFIG_DRIVE = { label: 'config-2', path: '/openstack/latest/user_data' };

/** Where a script is put in the ramdisk; the installer of Debian looks there by itself. */
const IN_RAMDISK: Partial<Record<InstallScriptKind, string>> = {
  preseed: 'preseed.cfg',
  kickstart: 'install-script.ks',
};

/**
 * What each installer calls a script on the configuration drive, in place of its address.
 * https://anaconda-installer.readthedocs.io/en/latest/user-guide/boot-options.html#inst-ks,
 * https://documentation.suse.com/sles/15-SP6/html/SLES-all/cha-autoyast-invocation.html
 */
const CONFIG_DRIVE_ADDRESS: Partial<Record<InstallScriptKind, string>> = {
  kickstart: `hd:LABEL=${ON_CONFIG_DRIVE.label}:${ON_CONFIG_DRIVE.path}`,
  autoyast: `label://${ON_CONFIG_DRIVE.label}${ON_CONFIG_DRIVE.path}`,
};

/** Whether the installer finds the script on the configuration drive without being told: cloud-init looks there itself. */
const FINDS_CONFIG_DRIVE: readonly InstallScriptKind[] = ['autoinstall'];

/** The same installer, told where its script is; unless told, where it looks by itself. @throws FactoryError InvalidParameter where it cannot read it from there */
export function withTransport(plan: InstallerPlan, transport: ScriptTransport | undefined): InstallerPlan {
  if (transport === undefined || transport === plan.scriptTransport) return plan;
  if (plan.scriptTransport === 'medium') throw refused(transport, plan.scriptKind, []);
  return { ...plan, scriptTransport: transport, commandLine: LINES[transport](plan) };
}

/** The command line that names the script, by where it is. */
const LINES: Record<ScriptTransport, (plan: InstallerPlan) => string> = {
  user_data: ({ commandLine }) => commandLine,
  config_drive: fromConfigDrive,
  initrd: fromRamdisk,
  medium: fromMedium,
};

function fromMedium({ medium, scriptKind, commandLine }: InstallerPlan): string {
  if (medium === undefined) {
    throw new FactoryError('InvalidParameter', 'parameter script_transport: there is no medium to put the script on', {
      hint: "medium is for templates with <install type='iso'>",
    });
  }
  const argument = medium.script?.argument;
  if (argument === undefined) throw refused('medium', scriptKind, ['kickstart', 'preseed', 'autoyast', 'agama']);
  const words = commandLine.split(' ');
  return words.map((word) => (word.endsWith(USER_DATA_URL) ? argument : word)).join(' ');
}

/** Where in the ramdisk the script of such an installer is, without a slash at its beginning. */
export function scriptInRamdisk({ scriptKind }: InstallerPlan): string {
  const path = IN_RAMDISK[scriptKind];
  if (path !== undefined) return path;
  throw refused('initrd', scriptKind, Object.keys(IN_RAMDISK));
}

function fromRamdisk(plan: InstallerPlan): string {
  const path = scriptInRamdisk(plan);
  if (plan.scriptKind === 'preseed') return withoutWord(plan.commandLine);
  return plan.commandLine.replace(USER_DATA_URL, `file:/${path}`);
}

/** Anaconda has known labels as long as it has had `inst.ks`. */
function fromConfigDrive({ scriptKind, commandLine }: InstallerPlan): string {
  if (FINDS_CONFIG_DRIVE.includes(scriptKind)) return commandLine;
  const address = CONFIG_DRIVE_ADDRESS[scriptKind];
  const knowsLabels = scriptKind !== 'kickstart' || commandLine.includes('inst.ks=');
  if (address !== undefined && knowsLabels) return commandLine.replace(USER_DATA_URL, address);
  throw refused('config_drive', scriptKind, [...Object.keys(CONFIG_DRIVE_ADDRESS), ...FINDS_CONFIG_DRIVE]);
}

/** The command line without the word that names the script's address. */
function withoutWord(commandLine: string): string {
  return commandLine
    .split(' ')
    .filter((word) => !word.endsWith(USER_DATA_URL))
    .join(' ');
}

function refused(transport: ScriptTransport, kind: InstallScriptKind, able: string[]): FactoryError {
  return new FactoryError(
    'InvalidParameter',
    `parameter script_transport: this installer cannot read its script (${kind}) by ${transport}`,
    { hint: able.length === 0 ? 'leave it out' : `${transport} is there for ${able.join(', ')}` },
  );
}
