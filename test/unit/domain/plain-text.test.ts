import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indentNextLines, toPlainLine, toPlainText } from '../../../src/domain/plain-text.js';

for (const [what, text, plain] of [
  ['colours', '\u001b[31mred\u001b[0m', 'red'],
  ['a movement of the cursor', 'a\u001b[2Ab', 'ab'],
  ['the title of a window, ended by BEL', 'a\u001b]0;title\u0007b', 'ab'],
  ['a link, ended by ST', '\u001b]8;;http://x\u001b\\text\u001b]8;;\u001b\\', 'text'],
  ['a string that never ends: its text stays', 'a\u001b]0;title', 'a ]0;title'],
  ['C1 forms of the sequences', 'a\u009b2Jb\u009d0;t\u009cc', 'abc'],
  ['a reset of the terminal', 'a\u001bcb', 'ab'],
  ['a lone ESC', 'a\u001b', 'a '],
  ['a carriage return, which would overwrite the line', 'error\rfine', 'error fine'],
  ['the line ends of Windows', 'a\r\nb', 'a\nb'],
  ['BEL, DEL, NEL', 'a\u0007b\u007fc\u0085d', 'a b c d'],
  ['the line ends of Unicode', 'a\u2028b\u2029c', 'a b c'],
  ['a reversed order', 'a\u202egpj.exe\u202c\u2066b\u2069', 'agpj.exeb'],
  ['tabs, umlauts and emoji stay', 'ä\t😀', 'ä\t😀'],
] as const) {
  test(`a plain text: ${what}`, () => assert.equal(toPlainText(text), plain));
}

test('a plain line has no line end', () => {
  assert.equal(toPlainLine(' a\n\nImage build\tcompleted\r\n'), 'a Image build completed');
});

test('only the first line of an indented text begins at the left edge', () => {
  assert.equal(indentNextLines('failed\nImage build completed\n'), 'failed\n  Image build completed');
});

test('a long text of unfinished sequences is cleaned in no time', () => {
  const begun = Date.now();
  for (const part of ['\u001b]', '\u009d', '\u001b[', '\u001b', '\u001b[1']) toPlainText(part.repeat(200_000));
  assert.ok(Date.now() - begun < 2000);
});
