import { agama } from './agama.js';
import { autoInst } from './auto-inst.js';
import { autoinstall } from './autoinstall.js';
import { autounattend } from './autounattend.js';
import { autoyast } from './autoyast.js';
import { installerconfig } from './installerconfig.js';
import { kickstart } from './kickstart.js';
import { preseed } from './preseed.js';
import type { ScriptKind } from './script-kind.js';

/**
 * The kinds of install script, by the names that plans and digests contain. A text is compared with the kinds in this
 * order, so the kinds with the most distinct beginning come first.
 */
export const SCRIPT_KINDS = {
  autounattend,
  autoyast,
  auto_inst: autoInst,
  agama,
  installerconfig,
  autoinstall,
  preseed,
  kickstart,
} satisfies Record<string, ScriptKind>;

export type InstallScriptKind = keyof typeof SCRIPT_KINDS;

/** All kinds with their names, in the order of the registry. */
export function listScriptKinds(): [InstallScriptKind, ScriptKind][] {
  return Object.entries(SCRIPT_KINDS) as [InstallScriptKind, ScriptKind][];
}
