import type { Problem } from '../../tdl/types.js';
import { type ScriptTransport, USER_DATA_LIMIT } from '../common/user-data.js';
import { type InstallScriptKind, listScriptKinds, SCRIPT_KINDS } from './kinds/registry.js';

/** The size, in bytes, of the largest script whose base64 Nova accepts as user data. */
const SCRIPT_LIMIT = Math.floor(USER_DATA_LIMIT / 4) * 3;

/** Transports without a limit of size, because the script does not pass through Nova. */
const UNLIMITED: readonly ScriptTransport[] = ['initrd', 'medium'];

/**
 * Checks an install script: that the installer can read this kind, that the script is not too large for Nova, and that
 * it powers the machine off at its end. A machine that reboots instead would boot its installer again, for ever.
 */
export function checkInstallScript(
  kind: InstallScriptKind,
  text: string,
  transport: ScriptTransport = 'user_data',
): Problem[] {
  const script = text.replace(/^\uFEFF/, '');
  const { name, alsoReads, check } = SCRIPT_KINDS[kind];
  if (script.trim() === '') return [{ line: 1, column: 1, message: `the install script is empty: write ${name}` }];
  const found = detectScriptKind(script);
  if (found !== undefined && found !== kind && alsoReads?.includes(found) !== true) {
    const message = `this looks like ${SCRIPT_KINDS[found].name}, but the installer needs ${name}`;
    return [{ line: 1, column: 1, message }];
  }
  // A script that is too large is not looked at any further: a parser of YAML takes seconds for a few hundred KiB.
  const size = UNLIMITED.includes(transport) ? [] : checkSize(script);
  return size.length > 0 ? size : check(script);
}

function checkSize(text: string): Problem[] {
  const size = Buffer.byteLength(text);
  if (size <= SCRIPT_LIMIT) return [];
  const message = `the script has ${size} bytes, but user data can have at most ${SCRIPT_LIMIT}: shorten the script, let it fetch the rest, or write script_transport initrd or medium if the installer supports it`;
  return [{ line: 1, column: 1, message }];
}

/** Detects the kind of a script by its text; undefined when no kind matches. */
export function detectScriptKind(text: string): InstallScriptKind | undefined {
  return listScriptKinds().find(([, { matches }]) => matches(text))?.[0];
}
