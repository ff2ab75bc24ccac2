import type { Problem } from '../../tdl/types.js';
import { type ScriptTransport, USER_DATA_LIMIT } from '../common/user-data.js';
import { type InstallScriptKind, listScriptKinds, SCRIPT_KINDS } from './kinds/registry.js';

/** Bytes of a script whose base64 Nova accepts as user data. */
const SCRIPT_LIMIT = Math.floor(USER_DATA_LIMIT / 4) * 3;

/** Transports that do not pass through Nova. */
const UNLIMITED: readonly ScriptTransport[] = ['initrd', 'medium'];

/**
 * Checks an install script: that it is of the kind that the installer reads, that Nova can hand it over, and that it
 * powers the machine off at its end. A machine that reboots instead boots its installer again, for ever.
 */
export function checkInstallScript(
  kind: InstallScriptKind,
  text: string,
  transport: ScriptTransport = 'user_data',
): Problem[] {
  const script = text.replace(/^\uFEFF/, '');
  const { name, alsoReads, check } = SCRIPT_KINDS[kind];
  if (script.trim() === '') return [{ line: 1, column: 1, message: `the install script is empty: give ${name}` }];
  const found = detectScriptKind(script);
  if (found !== undefined && found !== kind && alsoReads?.includes(found) !== true) {
    const message = `this looks like ${SCRIPT_KINDS[found].name}, the installer needs ${name}`;
    return [{ line: 1, column: 1, message }];
  }
  return [...(UNLIMITED.includes(transport) ? [] : checkSize(script)), ...check(script)];
}

function checkSize(text: string): Problem[] {
  const size = Buffer.byteLength(text);
  if (size <= SCRIPT_LIMIT) return [];
  const message = `the script has ${size} bytes, an instance can be given ${SCRIPT_LIMIT} as user data: shorten it, let it fetch the rest, or write script_transport initrd or medium where that is there`;
  return [{ line: 1, column: 1, message }];
}

/** Detects the kind of a script by its text; undefined when it could be any. */
export function detectScriptKind(text: string): InstallScriptKind | undefined {
  return listScriptKinds().find(([, { matches }]) => matches(text))?.[0];
}
