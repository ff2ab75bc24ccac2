/** What a script can be given: texts, whole numbers, booleans, and lists of texts. */
export type ScriptValue = string | number | boolean | readonly string[];

/**
 * PowerShell ends a text in single quotes at any of these, and takes each for itself where it stands twice.
 * https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
 */
const QUOTES = /['\u2018\u2019\u201a\u201b]/g;

/** The value as PowerShell writes it; nothing in a text is replaced or run. */
export function formatLiteral(value: ScriptValue): string {
  if (typeof value === 'string') return `'${value.replace(QUOTES, '$&$&')}'`;
  if (typeof value === 'boolean') return value ? '$true' : '$false';
  if (typeof value === 'number') return String(value);
  return `@(${value.map(formatLiteral).join(', ')})`;
}

/** A script that finds the values in variables of these names. */
export function buildPowershellScript(values: Record<string, ScriptValue>, body: string): string {
  const lines = Object.entries(values).map(([name, value]) => `$${name} = ${formatLiteral(value)}\n`);
  return `${lines.join('')}${body}`;
}

/** The script as `powershell -EncodedCommand` takes it: base64 of UTF-16LE, the same to cmd.exe, PowerShell and CreateProcess. */
export function encodeCommand(script: string): string {
  return Buffer.from(script, 'utf16le').toString('base64');
}

/**
 * How PowerShell is started for a script of ours: Windows PowerShell, which every Windows has, without profiles and questions, whatever
 * the execution policy says of scripts. https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_powershell_exe
 */
export const POWERSHELL = 'powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass';
