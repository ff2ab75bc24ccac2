import { Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Problem } from '../../tdl/types.js';
import { lengthOf } from './kickstart.js';

/**
 * Whether an autoinstall file (Ubuntu's subiquity; alone, or as `autoinstall:` in cloud-init's user data) ends by powering the
 * machine off. https://canonical-subiquity.readthedocs-hosted.com/en/latest/reference/autoinstall-reference.html#shutdown
 */
export function checkAutoinstall(text: string): Problem[] {
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
        message: `"shutdown: ${String(value.value)}" leaves the machine on or starts it again: write "${indent}shutdown: poweroff"`,
      },
    ];
  }
  const line = lengthOf(text.split('\n')) + 1;
  const message = `the installer would start the machine again, and install once more: add the line "${indent}shutdown: poweroff"${wrapped ? ' to autoinstall' : ''}`;
  return [{ line, column: 1, message }];
}

/**
 * An autoinstall file as user data: as `autoinstall:` of a cloud-config, which is how cloud-init hands it to subiquity. On a medium
 * it stands alone, in `autoinstall.yaml`. https://canonical-subiquity.readthedocs-hosted.com/en/latest/tutorial/providing-autoinstall.html
 */
export function autoinstallAsUserData(text: string): string {
  const document = parseDocument(text);
  const { contents } = document;
  if (document.errors.length > 0 || !isMap(contents)) return text;
  // `## template: jinja` may stand before it.
  if (contents.has('autoinstall')) return /^#+ ?(cloud-config|template:)/.test(text) ? text : `#cloud-config\n${text}`;
  return `#cloud-config\n${new Document({ autoinstall: contents }).toString({ lineWidth: 0 })}`;
}
