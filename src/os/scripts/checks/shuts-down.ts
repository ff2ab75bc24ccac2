/** Commands that only print or store their arguments, and do not run them. */
const NOT_RUN = new Set(['echo', 'rem', '::', 'title', 'set', 'reg', 'schtasks', 'write-host', 'write-output']);

/** Programs that run a command which they get as an argument, in quotes or without. */
const RUNNERS = new Set(['cmd', 'powershell', 'pwsh', 'start', 'call']);

/** Maximum number of levels of nested quotes in which we look for commands. */
const DEEPEST = 4;

/** The options with which `shutdown` powers the machine off, and the options with which it does something else. */
const OFF = ['s', 'p', 'sg'];
const NOT_OFF = ['r', 'g', 'a', 'l', 'h', 'i', 'o', '?'];

/**
 * Checks whether a command line of Windows shuts the machine down: by `shutdown`, by sysprep or by PowerShell's
 * `Stop-Computer`.
 * https://learn.microsoft.com/windows-server/administration/windows-commands/shutdown
 */
export function shutsDown(command: string, depth = 0): boolean {
  return splitCommands(command).some((words) => {
    const [first = ''] = words;
    // In `cmd /c COMMAND`, the first word after the options is the command itself.
    const inner = RUNNERS.has(nameOf(first)) ? (words.slice(1).find((word) => !/^[/-]/.test(word)) ?? '') : first;
    if (NOT_RUN.has(nameOf(inner))) return false;
    const inQuotes = words.filter((word) => /\s/.test(word));
    if (RUNNERS.has(nameOf(first)) && depth < DEEPEST && inQuotes.some((word) => shutsDown(word, depth + 1)))
      return true;
    return runsShutdown(words) || runsSysprep(words) || words.some((word) => /^stop-computer$/i.test(word));
  });
}

/** Returns the name of the program in a word: `shutdown` for `C:\Windows\System32\Shutdown.exe`. */
function nameOf(word: string): string {
  return word
    .slice(word.lastIndexOf('\\') + 1)
    .replace(/^@/, '')
    .replace(/\.exe$/i, '')
    .toLowerCase();
}

function runsShutdown(words: string[]): boolean {
  // The first option may follow the name without a space: `shutdown/s`.
  const parts = words.flatMap((word) => (/^[^\s/]*shutdown(\.exe)?\//i.test(word) ? word.split(/(?=\/)/) : [word]));
  const at = parts.findIndex((word) => nameOf(word) === 'shutdown');
  if (at < 0) return false;
  const options: string[] = [];
  for (let index = at + 1; index < parts.length; index++) {
    const option = /^[/-](.+)$/.exec(parts[index] ?? '')?.[1]?.toLowerCase();
    if (option === undefined) continue;
    options.push(option);
    // The word after /c is a comment, and the word after /m is the name of a machine. We skip this word, because it is
    // not an option.
    if (option === 'c' || option === 'm') index += 1;
  }
  return options.some((option) => OFF.includes(option)) && !options.some((option) => NOT_OFF.includes(option));
}

function runsSysprep(words: string[]): boolean {
  const at = words.findIndex((word) => nameOf(word) === 'sysprep');
  return at >= 0 && words.slice(at + 1).some((word) => /^[/-]shutdown$/i.test(word));
}

/** Splits a text into commands at `&`, `|`, `;`, brackets and line ends, and each command into words without quotes. */
function splitCommands(text: string): string[][] {
  const commands: string[][] = [[]];
  const words = /"([^"\n]*)"|'([^'\n]*)'|([&|;(){}\n])|([^\s"'&|;(){},]+)/g;
  for (const [, double, single, separator, plain] of text.matchAll(words)) {
    if (separator !== undefined) commands.push([]);
    else commands.at(-1)?.push(double ?? single ?? plain ?? '');
  }
  return commands.filter((words) => words.length > 0);
}
