import { FactoryError } from '../../domain/errors.js';
import { type ScriptTransport, USER_DATA_URL } from '../common/user-data.js';
import { type InstallScriptKind, listScriptKinds, SCRIPT_KINDS } from '../scripts/kinds/registry.js';
import type { ScriptKind } from '../scripts/kinds/script-kind.js';
import type { InstallerPlan } from './types.js';

/**
 * Changes a plan so that the installer reads its script from `transport`. When `transport` is undefined, the plan keeps
 * its own transport.
 * @throws FactoryError InvalidParameter when the installer cannot read its script from there
 */
export function withTransport(plan: InstallerPlan, transport: ScriptTransport | undefined): InstallerPlan {
  if (transport === undefined || transport === plan.scriptTransport) return plan;
  if (plan.scriptTransport === 'medium') throw transportError(transport, plan.scriptKind, []);
  return { ...plan, scriptTransport: transport, commandLine: COMMAND_LINES[transport](plan) };
}

/** For each transport, builds the command line that tells the installer where the script is. */
const COMMAND_LINES: Record<ScriptTransport, (plan: InstallerPlan) => string> = {
  user_data: ({ commandLine }) => commandLine,
  config_drive: ({ scriptKind, commandLine }) => {
    const line = SCRIPT_KINDS[scriptKind].configDrive?.(commandLine);
    if (line === undefined)
      throw transportError(
        'config_drive',
        scriptKind,
        listKinds(({ configDrive }) => configDrive !== undefined),
      );
    return line;
  },
  initrd: (plan) => findInitrd(plan).commandLine(plan.commandLine),
  medium: nameOnMedium,
};

function nameOnMedium({ medium, scriptKind, commandLine }: InstallerPlan): string {
  if (medium === undefined) {
    throw new FactoryError(
      'InvalidParameter',
      'parameter script_transport: there is no medium that could carry the script',
      {
        hint: "medium is only for templates with <install type='iso'>",
      },
    );
  }
  const argument = medium.script?.argument;
  if (argument === undefined) {
    // The hint lists the kinds for which a word names the script on the medium. Kinds with fixed paths have their
    // script on the medium anyway.
    const able = listKinds(({ medium: { word, paths } }) => word !== undefined && paths === undefined);
    throw transportError('medium', scriptKind, able);
  }
  const words = commandLine.split(' ');
  return words.map((word) => (word.endsWith(USER_DATA_URL) ? argument : word)).join(' ');
}

/** Returns the path of the script in the installer's ramdisk, without a slash at its beginning. */
export function getRamdiskPath(plan: InstallerPlan): string {
  return findInitrd(plan).path;
}

function findInitrd({ scriptKind }: InstallerPlan): NonNullable<ScriptKind['initrd']> {
  const { initrd } = SCRIPT_KINDS[scriptKind];
  if (initrd === undefined)
    throw transportError(
      'initrd',
      scriptKind,
      listKinds(({ initrd }) => initrd !== undefined),
    );
  return initrd;
}

function listKinds(isAble: (kind: ScriptKind) => boolean): string[] {
  const able = listScriptKinds().filter(([, kind]) => isAble(kind));
  return able.map(([name]) => name).sort();
}

function transportError(transport: ScriptTransport, kind: InstallScriptKind, able: string[]): FactoryError {
  return new FactoryError(
    'InvalidParameter',
    `parameter script_transport: this installer cannot read its script (${kind}) by ${transport}`,
    { hint: able.length === 0 ? 'leave script_transport out' : `${transport} is possible for ${able.join(', ')}` },
  );
}
