import { isMap, isScalar, LineCounter, stringify } from 'yaml';
import { quoteWords } from '../../guest/guest-scripts.js';
import type { Finding } from '../checks/finding.js';
import { isUserData, type Piece, splitUserData } from '../cloud-init/pieces.js';
import { PyYaml } from '../cloud-init/py-yaml.js';
import { writeUserAccess } from '../stock-parts/shell.js';
import { INSTALLED, type StockInput } from '../stock-parts/stock-input.js';
import { countLines, findFirstStatement } from './lines.js';
import type { ScriptKind } from './script-kind.js';

/** subiquity's autoinstall file. */
export const autoinstall: ScriptKind = {
  title: 'autoinstall (cloud-config)',
  name: 'an autoinstall file',
  // `#!`, `#include` or `#part-handler` alone does not match, because scripts of other kinds may also begin with such a
  // line. Every YAML key matches, because the keys of autoinstall may come in any order.
  matches: (text) =>
    (isUserData(text) && !/^#(!|include|part-handler)/i.test(text)) ||
    /^["']?[\w-]+["']?:(\s|$)/.test(findFirstKey(text)),
  check: checkAutoinstall,
  writeStock: writeAutoinstall,
  toUserData: toUserData,
  memory: { installer: 2048, system: 512 },
  // When the system is installed from a tree, the live system fetches its whole medium into memory and unpacks it
  // there.
  treeInstallerMemory: 5 * 1024,
  // cloud-init finds the configuration drive by itself, so the command line stays the same.
  configDrive: (commandLine) => commandLine,
  medium: {},
};

/** Finds the first line with a key. Skips YAML directives, and the marker `---` at the beginning of the document. */
function findFirstKey(text: string): string {
  return findFirstStatement(text.replace(/^(?:(?:[ \t]*#.*|%.*|[ \t]*)\r?\n)*---(?=\s|$)/, ''));
}

const LINE = 'shutdown: poweroff';

/**
 * Checks that an autoinstall file (alone, or as `autoinstall:` in cloud-init's user data) powers the machine off at its
 * end. https://canonical-subiquity.readthedocs-hosted.com/en/latest/reference/autoinstall-reference.html#shutdown
 */
function checkAutoinstall(text: string): Finding[] {
  const pieces = splitUserData(text);
  if (pieces === undefined) return checkConfig({ text, line: 1 }).findings;
  const configs = pieces.filter(({ type }) => type === 'config').map(checkConfig);
  // cloud-init merges the pieces. If several pieces have the same key, the last piece counts.
  const last = configs.filter(({ hasAutoinstall }) => hasAutoinstall).at(-1);
  const broken = configs.flatMap(({ findings, isBroken }) => (isBroken ? findings : []));
  const hidden = pieces.filter(({ type, text }) => type === 'unseen' || (type === 'template' && HAS_ENDING.test(text)));
  const warnings = hidden.map(warnUnseen);
  const visible = last ?? (hidden.length > 0 ? undefined : configs[0]);
  const ending = visible === undefined || visible.isBroken ? [] : visible.findings;
  if (broken.length > 0 || visible !== undefined || hidden.length > 0) return [...broken, ...ending, ...warnings];
  const line = countLines(text.split('\n'));
  return [
    {
      line,
      column: 1,
      about: 'ending',
      message: `no part of this user data sets "autoinstall" with "${LINE}": the installer would reboot the machine and install again, or wait for a user`,
    },
  ];
}

/** Matches the key `shutdown` in a Jinja template: this template may power the machine off. */
const HAS_ENDING = /["']?shutdown["']?\s*:/;

function warnUnseen({ line, form }: Piece): Finding {
  return {
    line,
    column: 1,
    about: 'warning',
    message: `cloud-init makes the configuration from this part (${form}) only in the installer, so this check cannot read it: it must set "${LINE}", because the build waits until the machine powers itself off`,
  };
}

/** The result of the check of one cloud-config, or of an autoinstall file without cloud-config. */
interface CheckedConfig {
  findings: Finding[];
  isBroken: boolean;
  hasAutoinstall: boolean;
}

function checkConfig({ text, line: first }: Pick<Piece, 'text' | 'line'>): CheckedConfig {
  const lines = new LineCounter();
  const yaml = new PyYaml(text, lines);
  const placeOf = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: first - 1 + Math.max(1, line), column: Math.max(1, col) };
  };
  const { mistake } = yaml;
  if (mistake !== undefined) {
    // Our library is stricter than PyYAML in a few places. So with parameter assume_poweroff this is only a warning.
    const message = `this is not YAML: ${mistake.message}`;
    const findings: Finding[] = [{ ...placeOf(mistake.at), about: 'ending', message }];
    return { findings, isBroken: true, hasAutoinstall: false };
  }
  const inner = yaml.find(yaml.root, 'autoinstall');
  const wrapped = isMap(inner);
  const indent = wrapped ? '  ' : '';
  const value = yaml.find(wrapped ? inner : yaml.root, 'shutdown');
  const report = (findings: Finding[]): CheckedConfig => ({ findings, isBroken: false, hasAutoinstall: wrapped });
  if (isScalar(value)) {
    if (value.value === 'poweroff') return report([]);
    const message = `"shutdown: ${String(value.value)}" does not power the machine off: write "${indent}${LINE}"`;
    return report([{ ...placeOf(value.range?.[0] ?? 0), about: 'ending', message }]);
  }
  const line = first + countLines(text.split('\n'));
  const message = `the installer would reboot the machine and install again: add the line "${indent}${LINE}"${wrapped ? ' to autoinstall' : ''}`;
  return report([{ line, column: 1, about: 'ending', message }]);
}

/**
 * Matches the key that makes a file a cloud-config. In YAML's block style, only an outermost key is at the beginning of
 * a line.
 */
const WRAPPED = /^(?:autoinstall|"autoinstall"|'autoinstall')[ \t]*:/m;

/**
 * The characters that are line breaks for PyYAML. We indent the text after exactly these characters. Otherwise the
 * indented text would not have the same meaning for PyYAML.
 */
const BREAKS = '\\n\\r\\u0085\\u2028\\u2029';
const LINE_START = new RegExp(`(^|[${BREAKS}])(?=[^${BREAKS}])`, 'g');

/**
 * Puts an autoinstall file into user data: a cloud-config with the key `autoinstall`, which cloud-init passes to
 * subiquity. The author's lines are indented below this key, and otherwise stay as they are. On a medium the file
 * stands alone, as `autoinstall.yaml`.
 * https://canonical-subiquity.readthedocs-hosted.com/en/latest/tutorial/providing-autoinstall.html
 */
function toUserData(text: string): string {
  if (isUserData(text) && !isBareConfig(text)) return text;
  if (isWrapped(text)) return `#cloud-config\n${text}`;
  // The lines before the first `---`, and the `---` itself, are not indented.
  const head = /^(?:(?:[ \t]*#.*|%.*|[ \t]*)\r?\n)*---(?=[\s]|$)/.exec(text)?.[0] ?? '';
  const indented = text
    .slice(head.length)
    .replace(LINE_START, '$1  ')
    .replace(new RegExp(`(^|[${BREAKS}])  (?=\\.\\.\\.(?:\\s|$))`, 'g'), '$1');
  return `#cloud-config\n${head === '' ? '' : `${head}\n`}autoinstall:\n${indented}`;
}

/**
 * Checks whether a file has the header of a cloud-config, but has autoinstall's keys at the top level, and not below
 * the key `autoinstall`.
 */
function isBareConfig(text: string): boolean {
  return (
    /^#cloud-config\s*$/im.test(text.slice(0, 200)) && splitUserData(text)?.[0]?.type === 'config' && !isWrapped(text)
  );
}

function isWrapped(text: string): boolean {
  if (WRAPPED.test(text)) return true;
  const start = findFirstStatement(text);
  // In YAML's flow style (with braces), the key may be anywhere, so we must parse the text.
  if (!start.startsWith('{') && !start.startsWith('---')) return false;
  const yaml = new PyYaml(text, new LineCounter());
  return yaml.find(yaml.root, 'autoinstall') !== undefined;
}

/**
 * Writes a cloud-config with an autoinstall for the smallest system that a cloud can use.
 * https://canonical-subiquity.readthedocs-hosted.com
 */
function writeAutoinstall({ template, diskLayout, user }: StockInput): string {
  const { rootpw } = template.os;
  // The first subiquity (20.04) needs `--target`.
  const inTarget = (script: string): string => `curtin in-target --target=/target -- sh -c ${quoteWords([script])}`;
  const document = {
    autoinstall: {
      version: 1,
      locale: 'en_US.UTF-8',
      keyboard: { layout: 'us' },
      timezone: 'Etc/UTC',
      ssh: { 'install-server': true, 'allow-pw': false },
      storage: { layout: { name: diskLayout === 'lvm' ? 'lvm' : 'direct' } },
      packages: ['openssh-server', 'cloud-guest-utils'],
      updates: 'security',
      'user-data': user === 'root' ? { disable_root: false } : { users: ['default'] },
      'late-commands': [
        ...(rootpw === undefined || rootpw === ''
          ? []
          : [inTarget(`printf '%s\\n' ${quoteWords([`root:${rootpw}`])} | chpasswd`)]),
        inTarget(writeUserAccess(user)),
        `echo ${INSTALLED} >/dev/console`,
      ],
      shutdown: 'poweroff',
    },
  };
  return `#cloud-config\n${stringify(document, { lineWidth: 0 })}`;
}
