import { childOf } from '../../tdl/elements.js';
import { placeOf, Problems } from '../../tdl/place.js';
import type { Problem } from '../../tdl/types.js';
import { parseXml, type XmlElement } from '../../tdl/xml.js';

const FINAL_HALT = '<final_halt config:type="boolean">true</final_halt>';

/**
 * Whether an AutoYaST profile ends by powering the machine off: `final_halt` (after everything) or `halt` (after the first
 * stage) in `general/mode`. https://documentation.suse.com/sles/15-SP5/html/SLES-all/cha-configuration-installation-options.html
 */
export function checkAutoyast(source: string): Problem[] {
  const text = source.replace(/\r\n?/g, '\n');
  const problems = new Problems(text);
  const root = parseXml(text, problems);
  if (root === undefined) return problems.list();
  const general = childOf(root, 'general');
  const mode = childOf(general, 'mode');
  if (['final_halt', 'halt'].some((name) => isTrue(childOf(mode, name)))) return [];
  const reboot = childOf(mode, 'final_reboot');
  const [at, message] = isTrue(reboot)
    ? [reboot?.at ?? 0, `<final_reboot> starts the machine again: write ${FINAL_HALT} in its place`]
    : [
        (mode ?? general ?? root).at,
        `the installation does not end by powering the machine off: add ${wrap(mode, general)}`,
      ];
  return [{ ...placeOf(text, at), message }];
}

function isTrue(element: XmlElement | undefined): boolean {
  return element?.text.trim() === 'true';
}

function wrap(mode: XmlElement | undefined, general: XmlElement | undefined): string {
  if (mode !== undefined) return `${FINAL_HALT} to <mode>`;
  if (general !== undefined) return `<mode>${FINAL_HALT}</mode> to <general>`;
  return `<general><mode>${FINAL_HALT}</mode></general> to the profile`;
}
