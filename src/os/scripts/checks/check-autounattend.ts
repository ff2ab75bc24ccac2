import { findChild } from '../../../tdl/elements.js';
import { findPosition, Problems } from '../../../tdl/place.js';
import { parseForeignXml, type XmlElement } from '../../../tdl/xml.js';
import type { Finding } from './finding.js';
import { shutsDown } from './shuts-down.js';

/** Passes whose commands run before Windows is on its disk, or never during an installation. */
const OTHER_PASSES = ['windowsPE', 'offlineServicing', 'generalize'];

/**
 * Checks an answer file of Windows: one of its commands must shut the machine down, or its `<Reseal>` must. Such
 * commands belong to the first logon or to the specialize pass.
 * https://learn.microsoft.com/windows-hardware/customize/desktop/unattend
 */
export function checkAutounattend(source: string): Finding[] {
  const text = source.replace(/\r\n?/g, '\n');
  const problems = new Problems(text);
  const root = parseForeignXml(text, problems);
  if (root === undefined) return problems.list();
  if (root.name !== 'unattend') {
    const message = `this is not an answer file of Windows: its root is <${root.name}>, not <unattend>`;
    return [{ ...findPosition(text, root.at), message }];
  }
  const parts = root.children.filter(
    ({ name, attributes }) => name !== 'settings' || !OTHER_PASSES.includes(attributes.get('pass')?.value ?? ''),
  );
  if (parts.some(endsOff)) return [];
  return [
    {
      ...findPosition(text, (findChild(root, 'settings') ?? root).at),
      about: 'ending',
      message:
        'Windows would leave the machine on: add a command to <FirstLogonCommands> with <CommandLine>shutdown /s /t 0</CommandLine>',
    },
  ];
}

/** Checks whether an element, or one inside it, shuts Windows down. */
function endsOff({ name, text, children }: XmlElement): boolean {
  if (name === 'CommandLine' || name === 'Path') return shutsDown(text);
  if (name === 'ForceShutdownNow') return /^(true|1)$/i.test(text.trim());
  return children.some(endsOff);
}
