import { listCommands } from './shell-commands.js';

/**
 * The system whose programs a script runs. Both systems have programs with the same names, but with different options.
 */
export type Programs = 'linux' | 'freebsd';

/** Words that stand before a command and do not change what it does. */
const BEFORE = new Set([
  ...['if', 'then', 'else', 'elif', 'while', 'until', 'do', '{', '!', 'time'],
  ...['exec', 'command', 'builtin', 'nohup', 'env', 'sudo', 'doas', 'nice', 'setsid', 'daemon', 'busybox', 'in-target'],
]);

const SHELLS = new Set(['sh', 'bash', 'ash', 'dash', 'ksh', 'zsh']);

/** Maximum number of levels of nested scripts that we check. `sh -c "sh -c poweroff"` has two levels. */
const DEEPEST = 4;

/** Checks whether a shell script has a command that powers the machine off. Assumes that every branch runs. */
export function powersOff(script: string, programs: Programs, depth = 0): boolean {
  return listCommands(script).some((words) => isPowerOff(stripBefore(words), programs, depth));
}

/** Removes what stands before the name of the command: `if`, `exec`, `X=y`, `sudo -n`, `chroot DIR`. */
function stripBefore(words: string[]): string[] {
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? '';
    const isOption = at > 0 && word.startsWith('-');
    if (baseName(word) === 'chroot' || baseName(word) === 'timeout') at += 1;
    else if (!BEFORE.has(baseName(word)) && !/^\w+=/.test(word) && !isOption) break;
  }
  return words.slice(at);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function isPowerOff([program = '', ...rest]: string[], programs: Programs, depth: number): boolean {
  const name = baseName(program);
  const { letters, long, operands } = readOptions(rest);
  const has = (letter: string): boolean => letters.includes(letter);
  switch (name) {
    case 'poweroff':
      return !has('k') && !has('w') && !long.some((word) => /^--(help|wtmp-only|reboot|halt)$/.test(word));
    case 'halt':
    case 'reboot':
      return has('p') || long.includes('--poweroff');
    case 'shutdown':
      if (has('k') || has('c') || has('r') || operands.length === 0) return false;
      return programs === 'freebsd' ? has('p') : has('h') || has('P') || long.includes('--poweroff');
    case 'init':
    case 'telinit':
      return operands[0] === '0';
    case 'systemctl':
      return operands[0] === 'poweroff';
    case 'acpiconf':
      return programs === 'freebsd' && /^-s 5$|^-s5$/.test(rest.join(' '));
    case 'kill':
      return programs === 'freebsd' && /^(-USR2|-SIGUSR2|-s USR2|-31) 1$/.test(rest.join(' '));
    default:
      return depth < DEEPEST && listScripts(name, rest).some((script) => powersOff(script, programs, depth + 1));
  }
}

/** Lists the arguments of a command that are themselves scripts: those of `sh -c`, `eval` and `trap`. */
function listScripts(name: string, rest: string[]): string[] {
  if (name === 'eval') return [rest.join(' ')];
  if (name === 'trap') return rest.slice(0, 1);
  const at = SHELLS.has(name) ? rest.findIndex((word) => /^-[a-z]*c[a-z]*$/.test(word)) : -1;
  return at < 0 ? [] : rest.slice(at + 1, at + 2);
}

function readOptions(words: string[]): { letters: string; long: string[]; operands: string[] } {
  const isOption = (word: string): boolean => word.startsWith('-') && word.length > 1;
  return {
    letters: words
      .filter((word) => isOption(word) && !word.startsWith('--'))
      .map((word) => word.slice(1))
      .join(''),
    long: words.filter((word) => word.startsWith('--')),
    operands: words.filter((word) => !isOption(word)),
  };
}
