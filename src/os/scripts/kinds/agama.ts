import { parseDocument } from 'yaml';
import type { Problem } from '../../../tdl/types.js';
import { writeLastCommands } from '../stock-parts/shell.js';
import type { StockInput } from '../stock-parts/stock-input.js';
import type { ScriptKind } from './script-kind.js';

/** The profile of Agama, SUSE's installer since Leap 16 and SLES 16. */
export const agama: ScriptKind = {
  title: 'Agama or AutoYaST',
  name: 'an Agama profile',
  matches: (text) => /^\s*\{[\s\S]*["']?product["']?\s*:/.test(text),
  alsoReads: ['autoyast'],
  check: checkAgama,
  writeStock: writeAgama,
  memory: { installer: 2048, system: 512 },
  medium: { word: /(?:^|\s)inst\.auto=label:\/\/[^/\s]+\/(\S+)/ },
};

/**
 * Checks that Agama can read a profile: JSON, Jsonnet or AutoYaST's XML. The power-off is not checked here: it is on
 * the kernel's command line (`inst.finish`). https://agama-project.github.io/docs/user/unattended
 */
function checkAgama(text: string): Problem[] {
  if (/^\s*(<\?xml|<!DOCTYPE|<profile)/.test(text)) return [];
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    // JSON.parse cannot read Jsonnet. So a text that begins like Jsonnet is accepted here, and Agama checks it.
    if (/^\s*(\{|local\b|function\b|\/\/|\/\*|#|import\b)/.test(text) && !isYaml(text)) return [];
    return [
      { line: 1, column: 1, message: `this is neither JSON, Jsonnet nor AutoYaST's XML: ${(error as Error).message}` },
    ];
  }
}

/** Checks whether a text is YAML: `key: value` lines without braces. */
function isYaml(text: string): boolean {
  return !/[{}]/.test(text) && parseDocument(text).errors.length === 0;
}

/**
 * Writes an Agama profile for the smallest system that a cloud can use.
 * https://agama-project.github.io/docs/user/unattended
 */
function writeAgama({ template, profile, diskLayout, user }: StockInput): string {
  const { rootpw } = template.os;
  return `${JSON.stringify(
    {
      product: { id: profile.family === 'sles' ? 'SLES' : 'openSUSE_Leap' },
      localization: { language: 'en_US.UTF-8', keyboard: 'us', timezone: 'Etc/UTC' },
      // Agama installs nothing unless the profile has a user who may log in. When the template has no password, the
      // profile gives root an invalid hash, which locks root's password.
      root:
        rootpw === undefined || rootpw === ''
          ? { password: '*', hashedPassword: true }
          : { password: rootpw, hashedPassword: false },
      software: { packages: ['openssh-server', 'cloud-init', 'sudo', 'curl'] },
      storage:
        diskLayout === 'lvm'
          ? {
              drives: [{ alias: 'disk', partitions: [{ search: '*', delete: true }] }],
              volumeGroups: [
                {
                  name: 'system',
                  physicalVolumes: [{ generate: ['disk'] }],
                  logicalVolumes: [{ generate: 'default' }],
                },
              ],
            }
          : { drives: [{ partitions: [{ search: '*', delete: true }, { generate: 'default' }] }] },
      scripts: {
        post: [
          {
            name: 'imagefactory.sh',
            chroot: true,
            content: `#!/bin/sh\nsystemctl enable sshd cloud-init-local cloud-init cloud-config cloud-final || true\n${writeLastCommands(user).join('\n')}\n`,
          },
        ],
      },
    },
    undefined,
    2,
  )}\n`;
}
