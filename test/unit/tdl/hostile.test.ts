import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LIMITS } from '../../../src/tdl/limits.js';
import { parseTemplate } from '../../../src/tdl/parse.js';
import { problemsOf, shown, templateText, valid } from './support.js';

const secretFolder = mkdtempSync(join(tmpdir(), 'imagefactory-tdl-'));
const secretFile = join(secretFolder, 'secret');
const SECRET = 'the-content-of-a-local-file';
const requests: string[] = [];
let server: Server;
let origin = '';

before(async () => {
  writeFileSync(secretFile, SECRET);
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.end('<!ENTITY x "fetched">');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  rmSync(secretFolder, { recursive: true });
  await new Promise((resolve) => server.close(resolve));
});

const withDoctype = (doctype: string, name = 't'): string => doctype + templateText({ name: `<name>${name}</name>` });

test('no DTD trick reads a file or calls an address', async () => {
  const tricks = [
    withDoctype(`<!DOCTYPE template SYSTEM "${origin}/dtd">`),
    withDoctype(`<!DOCTYPE template PUBLIC "-//x//y" "${origin}/dtd">`),
    withDoctype(`<!DOCTYPE template SYSTEM "${origin}/dtd" [<!ENTITY a "b">]>`, '&a;'),
    withDoctype(`<!DOCTYPE template [<!ENTITY x SYSTEM "${origin}/entity">]>`, '&x;'),
    withDoctype(`<!DOCTYPE template [<!ENTITY x SYSTEM "file://${secretFile}">]>`, '&x;'),
    withDoctype(`<!DOCTYPE template [<!ENTITY x SYSTEM "${secretFile}">]>`, '&x;'),
    withDoctype(`<!DOCTYPE template [<!ENTITY x PUBLIC "p" "file://${secretFile}">]>`, '&x;'),
    withDoctype(`<!DOCTYPE template [<!ENTITY % p SYSTEM "${origin}/parameter"> %p;]>`),
    withDoctype(`<!DOCTYPE template [<!ENTITY % p "<!ENTITY x 'y'>"> %p;]>`, '&x;'),
    withDoctype(
      `<!DOCTYPE template [<!NOTATION n SYSTEM "${origin}/notation"><!ENTITY x SYSTEM "${origin}/u" NDATA n>]>`,
    ),
    withDoctype(`<!DOCTYPE template [<!ATTLIST template version CDATA "1.0">]>`),
    withDoctype(`<!DOCTYPE template [<!ELEMENT template ANY>]>`),
    templateText({ rest: `<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="${origin}/include"/>` }),
    templateText({
      rest: `<files><file name="/f"><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="file://${secretFile}"/></file></files>`,
    }),
    `<?xml-stylesheet href="${origin}/style"?>${templateText({ rest: '<x/>' })}`,
  ];
  for (const text of tricks) assert.ok(!JSON.stringify(problemsOf(text)).includes(SECRET), text);
  for (const url of [`${origin}/content`, `file://${secretFile}`]) {
    const template = valid(templateText({ rest: `<files><file name="/f" type="url">${url}</file></files>` }));
    assert.deepEqual(template.files[0]?.content, { type: 'url', url });
  }
  // If parsing had sent a request, the server would have received it before this one.
  await fetch(`${origin}/sentinel`);
  assert.deepEqual(requests, ['/sentinel']);
});

test('unsupported declarations in a DTD are refused with line and column', () => {
  assert.deepEqual(
    shown(withDoctype('<!DOCTYPE template [\n  <!ENTITY a "x">\n  <!ENTITY b SYSTEM "f">\n  <!ENTITY % c "y">\n]>\n')),
    [
      '3:3: external entities are not supported: write the text itself',
      '4:3: parameter entities are not supported: remove them',
    ],
  );
});

test('internal entities are replaced in text, in attributes and in other entities', () => {
  const doctype = `<!DOCTYPE template [
    <!-- "quoted' comment ]> -->
    <!ENTITY host "mirror.example"><!ENTITY url 'http://&host;/r&#x41;'>
    <!ENTITY host "the first declaration counts">
    <!ENTITY lt "&#38;#60;"> <?pi ]> ?>
  ]>`;
  const rest =
    '<repositories><repository name="&host;"><url>&url;</url></repository></repositories><files><file name="/f">&lt;&#9786;</file></files>';
  const template = valid(doctype + templateText({ rest }));
  assert.equal(template.repositories[0]?.name, 'mirror.example');
  assert.equal(template.repositories[0]?.url, 'http://mirror.example/rA');
  assert.deepEqual(template.files[0]?.content, { type: 'raw', text: '<☺' });
});

test('entities that would expand to a very long text are refused', () => {
  const laughs = Array.from({ length: 12 }, (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`).join(
    '',
  );
  const text = withDoctype(`<!DOCTYPE template [<!ENTITY l0 "lol">${laughs}]>`, '&l12;&l5;');
  assert.match(problemsOf(text)[0]?.message ?? '', /deep|references|characters/);
  const wide = withDoctype(`<!DOCTYPE template [<!ENTITY a "${'x'.repeat(10_000)}">]>`, '&a;'.repeat(900));
  assert.match(problemsOf(wide)[0]?.message ?? '', /more than 262144 characters/);
  const many = withDoctype('<!DOCTYPE template [<!ENTITY a "x">]>', '&a;'.repeat(1001));
  assert.match(problemsOf(many)[0]?.message ?? '', /more than 1000 entity references/);
});

test('an entity that contains itself, contains markup, or exceeds the number of entities is refused', () => {
  const loop = withDoctype('<!DOCTYPE template [<!ENTITY a "&b;"><!ENTITY b "&a;">]>', '&a;');
  assert.match(problemsOf(loop)[0]?.message ?? '', /contains itself/);
  const markup = withDoctype(`<!DOCTYPE template [<!ENTITY a "&#60;/name>">]>`, '&a;');
  assert.match(problemsOf(markup)[0]?.message ?? '', /contains markup/);
  const many = Array.from({ length: LIMITS.entities + 1 }, (_, index) => `<!ENTITY e${index} "x">`).join('');
  assert.match(problemsOf(withDoctype(`<!DOCTYPE template [${many}]>`))[0]?.message ?? '', /at most 64 entities/);
});

const BROKEN: [what: string, text: string, says: RegExp][] = [
  ['nothing', '', /1:1: the document is empty/],
  ['white space', ' \n ', /1:1: the document is empty/],
  ['text', 'hello', /1:1: text outside of the outermost element/],
  ['a document of another language', '<html><body/></html>', /1:1: .*<html>.*write <template>/],
  ['an element that is not closed', '<template>\n<name>x</name>', /1:1: not well-formed XML: Unclosed tag 'template'/],
  [
    'a wrong end tag',
    '<template>\n  <name>t</nam>\n</template>',
    /2:10: not well-formed XML: Expected closing tag 'name'/,
  ],
  ['half a tag', '<template', /1:1: not well-formed/],
  ['an attribute without quotes', '<template version=1.0/>', /1:\d+: not well-formed/],
  ['an attribute twice', '<template version="1.0" version="1.0"/>', /repeated/],
  ['a bare ampersand', '<template><name>a & b</name></template>', /1:19: a bare "&"/],
  ['an undeclared entity', '<template><name>&nbsp;</name></template>', /1:17: the entity &nbsp; is not declared/],
  ['an undeclared entity in an attribute', '<template version="&v;"/>', /1:20: the entity &v;/],
  ['"<" in an attribute', '<template version="<"/>', /"<" is not allowed in an attribute/],
  ['"]]>" in text', '<template><name>]]></name></template>', /1:17: "\]\]>"/],
  ['a comment with "--"', '<!-- a -- b --><template/>', /1:8: "--" is not allowed/],
  ['a comment without end', '<template><!-- </template>', /1:11: "-->" is missing/],
  ['CDATA without end', '<template><![CDATA[</template>', /1:11: "\]\]>" is missing/],
  ['two roots', '<template/><template/>', /1:12: .*nothing may follow/],
  ['text after the end', '<template/>x', /1:12: text outside/],
  ['a late declaration', '\n<?xml version="1.0"?><template/>', /2:1: .*very beginning/],
  ['a wrong declaration', '<?xml encoding="UTF-8"?><template/>', /1:1: this XML declaration/],
  ['a control character', '<template><name>a\u0007</name></template>', /1:18: the character U\+0007/],
  [
    'a reference to a character that XML does not allow',
    '<template><name>&#0;</name></template>',
    /1:17: &#0; is not a character/,
  ],
  ['a huge character reference', '<template><name>&#99999999999999999999;</name></template>', /is not a character/],
  ['a DOCTYPE without end', '<!DOCTYPE template [<!ENTITY a "', /DOCTYPE is not closed/],
  ['a DOCTYPE within', '<template><!DOCTYPE x></template>', /1:11: only one DOCTYPE is allowed/],
  [
    'a name with a special meaning in JavaScript',
    '<template><__proto__/></template>',
    /1:11: <__proto__> is not allowed as the name/,
  ],
  ['such a name as an attribute', '<template constructor="x"/>', /constructor is not allowed as the name/],
];

for (const [what, text, says] of BROKEN) {
  test(`${what}: refused with line and column`, () => {
    assert.match(shown(text).join('\n'), says);
  });
}

test('documents above the limits are refused', () => {
  const deep = `${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`;
  assert.match(shown(deep).join('\n'), /nested more than 16 levels deep/);
  assert.match(
    shown(templateText({ rest: '<packages>' + '<package name="x"/>'.repeat(20_001) + '</packages>' })).join('\n'),
    /at most 20000 elements/,
  );
  assert.match(
    shown(templateText({ name: `<name x="${'y'.repeat(5000)}">t</name>` })).join('\n'),
    /an attribute may have at most 4096 characters/,
  );
  const wide = Array.from({ length: 20_000 }, (_, index) => `a${index}="x"`).join(' ');
  assert.match(shown(templateText({ name: `<name ${wide}>t</name>` })).join('\n'), /at most 16 attributes/);
  assert.match(
    shown(templateText({ rest: `<files><file name="/f">${'x'.repeat(LIMITS.bytes)}</file></files>` })).join('\n'),
    /at most 1048576 are allowed/,
  );
});

test('a password that crypt(3) would refuse, and more steps than a history has room for, are refused', () => {
  const apostrophes = shown(
    templateText({ inOs: `<rootpw>${"'".repeat(900_000)}</rootpw><key>${'x'.repeat(513)}</key>` }),
  );
  assert.match(apostrophes.join('\n'), /<rootpw> has 900000 characters, but at most 512 are allowed\n.*<key> has 513/);
  valid(templateText({ inOs: `<rootpw>${'x'.repeat(LIMITS.secretLength)}</rootpw>` }));

  const files = (count: number): string =>
    `<files>${Array.from({ length: count }, (_none, index) => `<file name='/f${index}'>x</file>`).join('')}</files>`;
  const repository = `<repositories><repository name='r'><url>http://h/</url><persisted>no</persisted></repository></repositories>`;
  const rest = `<packages><package name='a'/><package name='b'/></packages>${repository}`;
  valid(templateText({ rest: rest + files(LIMITS.steps - 3) }));
  const [refused = ''] = shown(templateText({ rest: rest + files(LIMITS.steps - 2) }));
  assert.match(refused, /the template has 4001 steps .* but at most 4000 are allowed/);
});

test('a long text of broken markup is refused with short messages', () => {
  const pieces = [
    '<',
    '<!',
    '<!--',
    '<a ',
    '&',
    '&a',
    '<a b="',
    "<a b='>",
    '<![CDATA[',
    '<!DOCTYPE x [',
    ']]>',
    '<?',
    'a=',
  ];
  for (const piece of pieces) {
    for (const problem of problemsOf(`<template>${piece.repeat(Math.floor(900_000 / piece.length))}`)) {
      assert.ok(problem.message.length < 500, problem.message.slice(0, 500));
    }
  }
});

/** Number of characters that makes a template almost as long as the limit allows. */
const MUCH = 1_000_000;
const repositories = (url: string): string =>
  `<repositories><repository name='r'><url>${url}</url></repository></repositories>`;
const LONG: [what: string, text: string][] = [
  ['a name in a tag without end', `<${'a'.repeat(MUCH)}`],
  ['a name of an element', `<${'a'.repeat(MUCH)}>`],
  ['a name with many prefixes', `<template><${'a:'.repeat(MUCH / 2)}/></template>`],
  ['a name of an attribute without value', `<template ${'a'.repeat(MUCH)}>`],
  ['white space in a tag', `<template${' '.repeat(MUCH)}`],
  ['quotes in a tag', `<template ${'"'.repeat(MUCH)}`],
  ['an address without a scheme', templateText({ rest: repositories('a'.repeat(MUCH)) })],
  ['an address of pieces of schemes', templateText({ rest: repositories('a.'.repeat(MUCH / 2)) })],
  ['white space that may be a name in a declaration', `<!DOCTYPE a [<!ENTITY${'\u00a0'.repeat(MUCH / 3)}>]>`],
  ['many document types', '<!DOCTYPE a>'.repeat(MUCH / 12)],
];

for (const [what, text] of LONG) {
  test(`${what}: read in a time that grows linearly with the length`, () => {
    const began = Date.now();
    parseTemplate(text);
    // Parsing takes less than a second. If the time grew with the square of the length, parsing would take minutes.
    assert.ok(Date.now() - began < 30_000);
  });
}
