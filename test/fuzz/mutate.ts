import type { Random } from './random.js';

/** Pieces that have broken parsers before: ends of sections, references, escapes, numbers, control characters. */
const PIECES = [
  '<',
  '>',
  '</',
  '<!--',
  ']]>',
  '<![CDATA[',
  '&amp;',
  '&#0;',
  '&#xD800;',
  '&x;',
  '<!DOCTYPE a [<!ENTITY x "&x;&x;">]>',
  '<?xml version="1.1" encoding="utf-16"?>',
  '"',
  "'",
  '`',
  '\\',
  '\0',
  '\x1b[2J',
  '\u202e',
  '\ufeff',
  '\ud800',
  '\r',
  '\r\n',
  '\n',
  '\t',
  '%end\n',
  '%post\n',
  '%include /tmp/x\n',
  '<<EOF\n',
  'EOF\n',
  '$(',
  '${x}',
  '| chpasswd\n',
  'password: ',
  'password=',
  '- *a\n',
  '&a ',
  '!!binary ',
  '!!python/object:x ',
  '? ',
  '{{',
  '{% if x %}',
  '|-\n',
  '-9223372036854775809',
  '1e999',
  '0x',
  'NaN',
  '__proto__: 1\n',
  'constructor',
  'http://u:p@',
  'file:///etc/shadow',
  '/../../..',
  '-oProxyCommand=x',
  'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n\n--x\n',
  'a'.repeat(3000),
  '[['.repeat(300),
  '<a>'.repeat(300),
] as const;

/** Changes a text at random places: pieces are inserted, removed, doubled, swapped, cut off, or single bits flip. */
export function mutate(text: string, random: Random): string {
  let changed = text;
  for (let changes = 1 + random.below(6); changes > 0; changes--) {
    const at = random.below(changed.length + 1);
    const length = random.below(random.pick([2, 10, 200]));
    const [before, piece, after] = [changed.slice(0, at), changed.slice(at, at + length), changed.slice(at + length)];
    switch (random.below(6)) {
      case 0:
        changed = before + after;
        break;
      case 1:
        changed = before + piece + piece + after;
        break;
      case 2:
        changed = random.below(8) === 0 ? before : before + String.fromCharCode(random.below(0x3000)) + piece + after;
        break;
      case 3:
        changed = after + before + piece;
        break;
      default:
        changed = before + random.pick(PIECES) + piece + after;
    }
    if (changed.length > 60_000) return changed.slice(0, 60_000);
  }
  return changed;
}
