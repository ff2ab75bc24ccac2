import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemsOf, templateText, valid } from './support.js';

const text = (declaration: string): string => declaration + templateText({ name: '<name>Grüße</name>' });
const utf16 = (content: string, big: boolean): Buffer => {
  const bytes = Buffer.from(content, 'utf16le');
  return big ? bytes.swap16() : bytes;
};

const READ: [what: string, source: string | Uint8Array][] = [
  ['UTF-8 without a declaration', Buffer.from(text(''))],
  ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${text('')}`)],
  ['UTF-8 with a declaration', Buffer.from(text('<?xml version="1.0" encoding="UTF-8"?>\n'))],
  ['ISO-8859-1', Buffer.from(text("<?xml version='1.0' encoding='ISO-8859-1'?>"), 'latin1')],
  ['windows-1252', Buffer.from(text('<?xml version="1.0" encoding="windows-1252" standalone="yes"?>'), 'latin1')],
  ['UTF-16LE', utf16(`\ufeff${text('<?xml version="1.0" encoding="UTF-16"?>')}`, false)],
  ['UTF-16BE', utf16(`\ufeff${text('<?xml version="1.0" encoding="UTF-16"?>')}`, true)],
  ['UTF-16LE without a byte order mark', utf16(text('<?xml version="1.0" encoding="UTF-16"?>'), false)],
  ['UTF-16BE without a byte order mark', utf16(text('<?xml version="1.0" encoding="UTF-16"?>'), true)],
  ['a decoded text, whatever encoding it declares', text('<?xml version="1.0" encoding="UTF-16"?>')],
  ['a text with a byte order mark', `\ufeff${text('')}`],
];

for (const [what, source] of READ) {
  test(`${what} is read`, () => assert.equal(valid(source).name, 'Grüße'));
}

test('in ISO-8859-1 every byte is the character with the same number', () => {
  const source = Buffer.concat([
    Buffer.from('<?xml version="1.0" encoding="iso-8859-1"?>'),
    Buffer.from(templateText({ name: '<name>a\u00e9</name>' }), 'latin1'),
  ]);
  assert.equal(valid(source).name, 'aé');
});

test('bytes that are not UTF-8 are reported with their line and column', () => {
  const source = Buffer.concat([
    Buffer.from('<template>\n<name>ab'),
    Buffer.from([0xc3, 0x28]),
    Buffer.from('</name></template>'),
  ]);
  const [problem] = problemsOf(source);
  assert.deepEqual([problem?.line, problem?.column], [2, 9]);
  assert.match(problem?.message ?? '', /not valid UTF-8/);
});

test('the size limit applies to the template in UTF-8', () => {
  const half = 'ü'.repeat(600_000);
  const latin = Buffer.from(text("<?xml version='1.0' encoding='ISO-8859-1'?>").replace('Grüße', half), 'latin1');
  assert.match(problemsOf(latin)[0]?.message ?? '', /at most 1048576 are allowed/);
});

test('an unknown encoding is reported', () => {
  assert.match(
    problemsOf(Buffer.from('<?xml version="1.0" encoding="klingon"?><template/>'))[0]?.message ?? '',
    /"klingon" is not supported/,
  );
});

test('lines are counted correctly with all kinds of line ends', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const source = ['<template>', '<name>t</name>', '  <pakages/>', '</template>'].join(end);
    const problem = problemsOf(source).find(({ message }) => message.includes('pakages'));
    assert.deepEqual([problem?.line, problem?.column], [3, 3]);
  }
});

test('carriage returns in contents become line feeds', () => {
  const template = valid(templateText({ rest: '<files><file name="/f">a\r\nb\rc</file></files>' }));
  assert.deepEqual(template.files[0]?.content, { type: 'raw', text: 'a\nb\nc' });
});
