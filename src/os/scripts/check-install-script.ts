import type { BuildParameters } from '../../domain/parameters.js';
import type { Problem } from '../../tdl/types.js';
import { type ScriptTransport, USER_DATA_LIMIT } from '../common/user-data.js';
import { type InstallScriptKind, listScriptKinds, SCRIPT_KINDS } from './kinds/registry.js';
import type { ScriptKind } from './kinds/script-kind.js';

/** The size, in bytes, of the largest script whose base64 Nova accepts as user data. */
const SCRIPT_LIMIT = Math.floor(USER_DATA_LIMIT / 4) * 3;

/** Transports without a limit of size, because the script does not pass through Nova. */
const UNLIMITED: readonly ScriptTransport[] = ['initrd', 'medium'];

/** What the check of a script depends on, besides the script. */
export interface ScriptContext {
  /** How the script reaches the installer. Default: user_data. */
  transport?: ScriptTransport | undefined;
  /** The parameter boot_method. Unset: the cloud decides. */
  bootMethod?: BuildParameters['boot_method'];
  /** The parameter assume_poweroff: the user says that the machine powers itself off. Default: false. */
  assumesPowerOff?: boolean | undefined;
}

/** A checked install script. */
export interface CheckedScript {
  /** The script as the installer gets it. */
  script: string;
  /** The mistakes. Empty when the script is valid. */
  problems: Problem[];
  /** Set when one of the mistakes is that the machine possibly does not power itself off at the end. */
  lacksPowerOff?: true;
  /** Warnings, which do not stop a build. */
  warnings: string[];
}

/**
 * Checks an install script: that the installer can read this kind, that the script is not too large for Nova, and that
 * it powers the machine off at its end. A machine that reboots instead would boot its installer again, for ever.
 */
export function checkInstallScript(
  kind: InstallScriptKind,
  text: string,
  { transport = 'user_data', bootMethod, assumesPowerOff = false }: ScriptContext = {},
): CheckedScript {
  // Our command-line client has already removed a byte order mark, but another client program may send one.
  const given = text.replace(/^\uFEFF/, '');
  const { name, check, toUserData }: ScriptKind = SCRIPT_KINDS[kind];
  const refuse = (message: string): CheckedScript => ({
    script: given,
    problems: [{ line: 1, column: 1, message }],
    warnings: [],
  });
  if (given.trim() === '') return refuse(`the install script is empty: write ${name}`);
  const other = findOtherKind(kind, given);
  if (other !== undefined) return refuse(`this looks like ${other.name}, but the installer needs ${name}`);
  const script = toUserData?.(given) ?? given;
  const problems = UNLIMITED.includes(transport) ? [] : checkSize(script);
  const warnings: string[] = [];
  // We do not check the content of a script that is too large, because the YAML parser takes seconds for a few hundred
  // KiB.
  let lacksPowerOff: true | undefined;
  if (problems.length > 0) return { script, problems, warnings };
  for (const { about, line, column, message } of check(given, bootMethod === undefined ? {} : { bootMethod })) {
    if (about === 'warning' || (about === 'ending' && assumesPowerOff)) {
      warnings.push(`install script, line ${line}: ${message}`);
    } else {
      if (about === 'ending') lacksPowerOff = true;
      problems.push({ line, column, message: about === 'ending' ? `${message}${ASSUME}` : message });
    }
  }
  return { script, problems, warnings, ...(lacksPowerOff === undefined ? {} : { lacksPowerOff }) };
}

/** A hint for a script that powers the machine off in a way that this check cannot see. */
const ASSUME =
  '; if something that this check cannot see powers the machine off, write the parameter assume_poweroff True';

function checkSize(text: string): Problem[] {
  const size = Buffer.byteLength(text);
  if (size <= SCRIPT_LIMIT) return [];
  const message = `the script has ${size} bytes, but user data can have at most ${SCRIPT_LIMIT}: shorten the script, let it fetch the rest, or write script_transport initrd or medium if the installer supports it`;
  return [{ line: 1, column: 1, message }];
}

/**
 * Finds the kind of a script that is for another installer, by the beginning of the text. Returns undefined when the
 * text may be of `kind`, or of a kind that the same installer reads.
 */
function findOtherKind(kind: InstallScriptKind, text: string): ScriptKind | undefined {
  const { matches, alsoReads = [] }: ScriptKind = SCRIPT_KINDS[kind];
  const found = matches(text) ? kind : detectScriptKind(text);
  return found === undefined || found === kind || alsoReads.includes(found) ? undefined : SCRIPT_KINDS[found];
}

/** Detects the kind of a script by how its text begins; undefined when it begins like no kind. */
export function detectScriptKind(text: string): InstallScriptKind | undefined {
  return listScriptKinds().find(([, { matches }]) => matches(text))?.[0];
}
