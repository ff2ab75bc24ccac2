/** A value that a script gets as a variable: a string, a whole number, a boolean, or a list of strings. */
export type ScriptValue = string | number | boolean | readonly string[];

/**
 * The characters that end a PowerShell string in single quotes. To stand for itself in such a string, each must be
 * written twice.
 * https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
 */
const QUOTES = /['\u2018\u2019\u201a\u201b]/g;

/**
 * Formats a value as a PowerShell literal. Strings are in single quotes, in which PowerShell expands and runs nothing.
 */
export function formatLiteral(value: ScriptValue): string {
  if (typeof value === 'string') return `'${value.replace(QUOTES, '$&$&')}'`;
  if (typeof value === 'boolean') return value ? '$true' : '$false';
  if (typeof value === 'number') return String(value);
  return `@(${value.map(formatLiteral).join(', ')})`;
}

/** Builds a script that first sets a variable for each name and value, and then runs `body`. */
export function buildPowershellScript(values: Record<string, ScriptValue>, body: string): string {
  const lines = Object.entries(values).map(([name, value]) => `$${name} = ${formatLiteral(value)}\n`);
  return `${lines.join('')}${body}`;
}

/**
 * Encodes a script for `powershell -EncodedCommand`: base64 of UTF-16LE, which needs no quoting in any command line.
 */
export function encodeCommand(script: string): string {
  return Buffer.from(script, 'utf16le').toString('base64');
}

/**
 * The command that starts PowerShell for our scripts: Windows PowerShell, which every Windows has, without profiles and
 * prompts, and with the execution policy bypassed.
 * https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_powershell_exe
 */
export const POWERSHELL = 'powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass';
