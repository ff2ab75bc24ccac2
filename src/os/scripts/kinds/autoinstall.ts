import { Document, isMap, isScalar, LineCounter, parseDocument, stringify } from 'yaml';
import type { Problem } from '../../../tdl/types.js';
import { quoteWords } from '../../guest/guest-scripts.js';
import { writeUserAccess } from '../stock-parts/shell.js';
import { INSTALLED, type StockInput } from '../stock-parts/stock-input.js';
import { countLines } from './lines.js';
import type { ScriptKind } from './script-kind.js';

/** subiquity's autoinstall file. */
export const autoinstall: ScriptKind = {
  title: 'autoinstall (cloud-config)',
  name: 'an autoinstall file',
  matches: (text) => /^autoinstall:\s*$/m.test(text) || /^#cloud-config\b/.test(text),
  check: checkAutoinstall,
  writeStock: writeAutoinstall,
  toUserData: toUserData,
  memory: { installer: 2048, system: 512 },
  // From a tree, the live system fetches its whole medium into memory and unpacks it there.
  treeInstallerMemory: 5 * 1024,
  // cloud-init reads the configuration drive by itself.
  configDrive: (commandLine) => commandLine,
  medium: {},
};

/**
 * Checks that an autoinstall file (alone, or as `autoinstall:` in cloud-init's user data) powers the machine off at its
 * end. https://canonical-subiquity.readthedocs-hosted.com/en/latest/reference/autoinstall-reference.html#shutdown
 */
function checkAutoinstall(text: string): Problem[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const placeOf = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const [broken] = document.errors;
  if (broken !== undefined) {
    return [{ ...placeOf(broken.pos[0]), message: `this is not YAML: ${broken.message.split('\n')[0] ?? ''}` }];
  }
  const inner = document.get('autoinstall', true);
  const wrapped = isMap(inner);
  const root = wrapped ? inner : document.contents;
  const indent = wrapped ? '  ' : '';
  const value = isMap(root) ? root.get('shutdown', true) : undefined;
  if (isScalar(value)) {
    if (value.value === 'poweroff') return [];
    const place = placeOf(value.range?.[0] ?? 0);
    return [
      {
        ...place,
        message: `"shutdown: ${String(value.value)}" does not power the machine off: write "${indent}shutdown: poweroff"`,
      },
    ];
  }
  const line = countLines(text.split('\n')) + 1;
  const message = `the installer would reboot the machine and install again: add the line "${indent}shutdown: poweroff"${wrapped ? ' to autoinstall' : ''}`;
  return [{ line, column: 1, message }];
}

/**
 * Converts an autoinstall file to user data: a cloud-config with the key `autoinstall`, which cloud-init passes to
 * subiquity. On a medium the file stands alone, as `autoinstall.yaml`.
 * https://canonical-subiquity.readthedocs-hosted.com/en/latest/tutorial/providing-autoinstall.html
 */
function toUserData(text: string): string {
  const document = parseDocument(text);
  const { contents } = document;
  if (document.errors.length > 0 || !isMap(contents)) return text;
  // `## template: jinja` may stand before `#cloud-config`.
  if (contents.has('autoinstall')) return /^#+ ?(cloud-config|template:)/.test(text) ? text : `#cloud-config\n${text}`;
  return `#cloud-config\n${new Document({ autoinstall: contents }).toString({ lineWidth: 0 })}`;
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
