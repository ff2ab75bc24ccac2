import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FactoryError } from '../../../src/domain/errors.js';
import { parseTemplate, throwIfInvalid } from '../../../src/tdl/parse.js';
import { INSTALL, problemsOf, shown, templateText, valid } from './support.js';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/article/${name}`, import.meta.url), 'utf8');

test("the article's template is read as the article describes it", () => {
  assert.deepEqual(valid(fixture('f19.tdl')), {
    name: 'f19',
    os: {
      name: 'Fedora',
      version: '19',
      arch: 'x86_64',
      rootpw: 'test',
      install: {
        type: 'url',
        url: 'http://download.fedoraproject.org/pub/fedora/linux/releases/19/Fedora/x86_64/os',
        extras: [],
      },
    },
    diskSize: '21474836480',
    packages: [],
    repositories: [],
    files: [],
    precommands: [],
    commands: [],
  });
});

test('every element of the language is read, in any order', () => {
  const template = valid(`<?xml version="1.0" encoding="UTF-8"?>
<template version="1.0">
  <commands><command name="b" position="2">two</command><command name="a" position="01">one</command></commands>
  <precommands><command name="p" type="base64">ZWNobwo=</command></precommands>
  <files>
    <file name="/etc/motd">
      hello &amp; welcome
    </file>
    <file name="/etc/empty"/>
    <file name="/etc/far" type="url"> http://files.example/far </file>
    <file name="/etc/motd" type="raw">last wins</file>
  </files>
  <repositories>
    <repository name="r"><sslverify>NO</sslverify><url>http://repo.example/</url><signed>Yes</signed><persisted>false</persisted></repository>
    <repository name="s"><url>http://repo.example/s</url></repository>
  </repositories>
  <packages>
    <package name="vim"/><package name="vim"/>
    <package name="x"><file>f</file><repository>r</repository><arguments>a</arguments></package>
  </packages>
  <disk><size>10 GB</size></disk>
  <os>
    <icicle><extra_command>rpm -qa --qf x</extra_command></icicle>
    <kernelparam> quiet
      net.ifnames=0 </kernelparam>
    <key>abc</key><rootpw> pass word </rootpw>
    <install type="iso"><iso>http://mirror.example/dvd.iso</iso><sha256sum>http://mirror.example/SUMS</sha256sum>
      <extras><file source="http://x.example/f" destination="/f"/><directory source="ftp://x.example/d" destination="/d"/></extras></install>
    <arch> aarch64 </arch><version>7</version><name>RHEL</name>
  </os>
  <description>what it is</description>
  <name> all </name>
</template>`);
  assert.deepEqual(template, {
    name: 'all',
    version: '1.0',
    description: 'what it is',
    os: {
      name: 'RHEL',
      version: '7',
      arch: 'aarch64',
      install: {
        type: 'iso',
        iso: 'http://mirror.example/dvd.iso',
        checksum: { algorithm: 'sha256', url: 'http://mirror.example/SUMS' },
        extras: [
          { kind: 'directory', source: 'ftp://x.example/d', destination: '/d' },
          { kind: 'file', source: 'http://x.example/f', destination: '/f' },
        ],
      },
      rootpw: ' pass word ',
      key: 'abc',
      kernelparam: 'quiet net.ifnames=0',
      icicleExtraCommand: 'rpm -qa --qf x',
    },
    diskSize: '10000000000',
    packages: [{ name: 'vim' }, { name: 'vim' }, { name: 'x', repository: 'r', file: 'f', arguments: 'a' }],
    repositories: [
      { name: 'r', url: 'http://repo.example/', signed: true, persisted: false, sslverify: false },
      { name: 's', url: 'http://repo.example/s', signed: false, persisted: true, sslverify: false },
    ],
    files: [
      { name: '/etc/motd', content: { type: 'raw', text: 'last wins' } },
      { name: '/etc/empty', content: { type: 'raw', text: '' } },
      { name: '/etc/far', content: { type: 'url', url: 'http://files.example/far' } },
    ],
    precommands: [{ name: 'p', content: { type: 'base64', base64: 'ZWNobwo=' } }],
    commands: [
      { name: 'a', content: { type: 'raw', text: 'one' }, position: 1 },
      { name: 'b', content: { type: 'raw', text: 'two' }, position: 2 },
    ],
  });
});

test('text continues after a comment, and CDATA is text', () => {
  const rest =
    '<commands><command name="c">echo <!-- why -->a &lt; b<![CDATA[ && echo <x>]]> &#x41;</command></commands>';
  assert.deepEqual(valid(templateText({ rest })).commands[0]?.content, {
    type: 'raw',
    text: 'echo a < b && echo <x> A',
  });
});

test('as in Oz, a tree may have any address, a checksum may be empty, and base64 may have extra padding', () => {
  for (const url of ['file://example.org', 'ftp://x.example/os', 'nfs:host:/os', 'mirror/os']) {
    const { os } = valid(templateText({ install: `<install type='url'><url>${url}</url></install>` }));
    assert.deepEqual(os.install, { type: 'url', url, extras: [] });
  }
  const iso = "<install type='iso'><iso>http://x.example/i</iso><md5sum/></install>";
  assert.deepEqual(valid(templateText({ install: iso })).os.install, {
    type: 'iso',
    iso: 'http://x.example/i',
    extras: [],
  });
  const rest = '<files><file name="/f" type="base64">aGVsbG8==</file></files>';
  assert.equal(valid(templateText({ rest })).files.length, 1);
  const there =
    '<repositories><repository name="r"><url>http://localhost.example.org/</url></repository></repositories>';
  assert.equal(valid(templateText({ rest: there })).repositories.length, 1);
});

test('white space around the type of a content is ignored', () => {
  const rest =
    "<files><file name='/a' type=' base64 '>aGk=</file><file name='/b' type='raw\n'>b</file><file name='/c' type=' url'>http://x/</file></files>";
  assert.deepEqual(
    valid(templateText({ rest })).files.map(({ content }) => content.type),
    ['base64', 'raw', 'url'],
  );
});

test('base64 may be wrapped', () => {
  const rest = '<files><file name="/f" type="base64">\n  aGVs\n  bG8=\n</file></files>';
  assert.deepEqual(valid(templateText({ rest })).files[0]?.content, { type: 'base64', base64: 'aGVsbG8=' });
});

test('as in Oz, contents and checksum files may be files on the worker’s machine', () => {
  for (const url of ['file:///srv/cmd', 'file://localhost/srv/cmd']) {
    const rest = `<commands><command name="c" type="url">${url}</command></commands>`;
    assert.deepEqual(valid(templateText({ rest })).commands[0]?.content, { type: 'url', url });
  }
  const install = "<install type='iso'><iso>file:///srv/a.iso</iso><sha1sum>file:///srv/SHA1SUM</sha1sum></install>";
  assert.deepEqual(valid(templateText({ install })).os.install, {
    type: 'iso',
    iso: 'file:///srv/a.iso',
    checksum: { algorithm: 'sha1', url: 'file:///srv/SHA1SUM' },
    extras: [],
  });
});

test('a file on the worker’s machine must have an absolute path, unlike in Oz', () => {
  const iso = (address: string, extra = 'file:///srv/a'): string =>
    `<install type='iso'><iso>${address}</iso><extras><file source='${extra}' destination='/a'/></extras></install>`;
  for (const text of [
    templateText({ rest: `<files><file name='/f' type='url'>file://tests/f</file></files>` }),
    templateText({ rest: `<files><file name='/f' type='url'>file:f</file></files>` }),
    templateText({ rest: `<commands><command name='c' type='url'>file://./tests/cmd</command></commands>` }),
    templateText({ install: iso('file://tests/a.iso') }),
    templateText({ install: iso('file:///srv/a.iso', 'file://tests/a') }),
  ]) {
    const { problems } = parseTemplate(text);
    assert.match(problems.map(({ message }) => message).join('\n'), /^.*absolute path.*write file:\/\/\/DIR\/FILE$/);
  }
});

test('all mistakes are reported together, each with its line and column', () => {
  const text = `<template version='2.0'>
  <name/>
  <os>
    <name>Fedora</name>
    <arch>amd64</arch>
    <install type='cd'/>
  </os>
  <pakages/>
  <disk><size>10.5</size></disk>
  <packages><package/></packages>
  <commands><command name='x' positon='1'></command></commands>
</template>`;
  assert.deepEqual(shown(text), [
    '1:11: TDL version "2.0" is not supported: write version=\'1.0\', or remove the attribute',
    '2:3: <name> is empty: write <name>debian-12</name>',
    '3:3: <os> lacks <version>: write <version>12</version>',
    '5:5: "amd64" is not an architecture of TDL: write x86_64',
    "6:14: \"cd\" is not a type of installation: write type='url' (an install tree) or type='iso'",
    '8:3: <pakages> is not allowed in <template>: did you mean <packages>?',
    '9:9: "10.5" is not a size: write a whole number and a unit, such as 20, 20GiB or 500MB',
    "10:13: <package> lacks the attribute name: write <package name='openssh-server'/>",
    '11:13: a command must not be empty: write the command that is to run, or remove the element',
    '11:31: the attribute positon is not allowed in <command>: did you mean position?',
  ]);
});

const REFUSALS: [what: string, parts: Parameters<typeof templateText>[0], says: RegExp][] = [
  ['no name', { name: '' }, /<template> lacks <name>/],
  ['two names', { name: '<name>a</name><name>b</name>' }, /<template> may contain <name> only once/],
  ['a name of two lines', { name: '<name>a\nb</name>' }, /one line/],
  [
    'a name that is too long',
    { name: `<name>${'n'.repeat(201)}</name>` },
    /201 characters, but at most 200 are allowed/,
  ],
  ['no system name', { os: '' }, /<os> lacks <name>/],
  ['an empty version', { version: '<version> </version>' }, /<version> is empty/],
  ['armhf', { arch: '<arch>armhf</arch>' }, /write armv7l/],
  ['i686', { arch: '<arch>i686</arch>' }, /write i386/],
  ['a mistyped architecture', { arch: '<arch>x86_46</arch>' }, /write x86_64/],
  ['another architecture', { arch: '<arch>riscv64</arch>' }, /write one of i386, x86_64/],
  ['no install', { install: '' }, /<os> lacks <install>/],
  ['two installs', { install: INSTALL + INSTALL }, /<os> may contain <install> only once/],
  [
    'an install without a type',
    { install: '<install><url>http://x.example</url></install>' },
    /lacks the attribute type/,
  ],
  ['an install tree without an address', { install: "<install type='url'/>" }, /<install> lacks <url>/],
  ['an empty address', { install: "<install type='url'><url> </url></install>" }, /<url> is empty/],
  ['an address that is not a URL', { install: "<install type='iso'><iso>mirror/os</iso></install>" }, /not an address/],
  [
    'an iso in an install tree',
    { install: "<install type='url'><url>http://x.example</url><iso>http://x.example</iso></install>" },
    /<iso> is not allowed in <install>/,
  ],
  [
    'a checksum of an install tree',
    { install: "<install type='url'><url>http://x.example</url><md5sum>http://x.example</md5sum></install>" },
    /<md5sum> is not allowed/,
  ],
  [
    'two checksums',
    {
      install:
        "<install type='iso'><iso>http://x.example/i</iso><md5sum>http://x.example</md5sum><sha1sum>http://x.example</sha1sum></install>",
    },
    /at most one of md5sum, sha1sum, sha256sum/,
  ],
  [
    'a digest for a checksum file',
    { install: "<install type='iso'><iso>http://x.example/i</iso><sha256sum>00ff</sha256sum></install>" },
    /the address of a checksum file/,
  ],
  [
    'extras of an install tree',
    {
      install:
        "<install type='url'><url>http://x.example</url><extras><file source='http://x.example/f' destination='/f'/></extras></install>",
    },
    /<extras>.*type='iso'/,
  ],
  [
    'extras before the iso',
    {
      install:
        "<install type='iso'><extras><file source='http://x.example/f' destination='/f'/></extras><iso>http://x.example/i</iso></install>",
    },
    /must come last in <install>/,
  ],
  [
    'extras before the checksum',
    {
      install:
        "<install type='iso'><iso>http://x.example/i</iso><extras><file source='http://x.example/f' destination='/f'/></extras><md5sum>http://x.example/s</md5sum></install>",
    },
    /must come last in <install>/,
  ],
  [
    'an extra file with text in it',
    {
      install:
        "<install type='iso'><iso>http://x.example/i</iso><extras><file source='http://x.example/f' destination='/f'>text</file></extras></install>",
    },
    /<file> contains text/,
  ],
  [
    'empty extras',
    { install: "<install type='iso'><iso>http://x.example/i</iso><extras/></install>" },
    /<extras> is empty/,
  ],
  [
    'an extra without a destination',
    {
      install:
        "<install type='iso'><iso>http://x.example/i</iso><extras><file source='http://x.example/f'/></extras></install>",
    },
    /lacks the attribute destination/,
  ],
  [
    'a directory over http',
    {
      install:
        "<install type='iso'><iso>http://x.example/i</iso><extras><directory source='http://x.example/f' destination='/'/></extras></install>",
    },
    /source of a directory must begin with/,
  ],
  ['an icicle without a command', { inOs: '<icicle/>' }, /<icicle> lacks <extra_command>/],
  ['an unknown element', { inOs: '<services/>' }, /<services> is not allowed in <os>/],
  [
    'text between elements',
    { rest: '<packages>vim</packages>' },
    /<packages> contains text, but may contain only <package>/,
  ],
  ['markup where text belongs', { inOs: '<key><b/></key>' }, /<b> is not allowed in <key>: only text is allowed/],
  ['a nameless package', { rest: "<packages><package name=''/></packages>" }, /attribute name is empty/],
  [
    'an option for a package',
    { rest: "<packages><package name='--force'/></packages>" },
    /options for the package manager/,
  ],
  ['a nameless file', { rest: '<files><file>x</file></files>' }, /<file> lacks the attribute name/],
  ['a file that is a directory', { rest: "<files><file name='/etc/'>x</file></files>" }, /is a directory/],
  [
    'an unknown content type',
    { rest: "<files><file name='/f' type='hex'>x</file></files>" },
    /write raw, base64 or url/,
  ],
  ['text that is not base64', { rest: "<files><file name='/f' type='base64'>a-b</file></files>" }, /is not base64/],
  ['base64 that is cut off', { rest: "<files><file name='/f' type='base64'>abc</file></files>" }, /multiple of 4/],
  [
    'content over another protocol',
    { rest: "<files><file name='/f' type='url'>ftp://x.example/f</file></files>" },
    /not supported: write http/,
  ],
  ['content of type url without a URL', { rest: "<files><file name='/f' type='url'/></files>" }, /needs a URL/],
  ['an empty command', { rest: "<commands><command name='c'> </command></commands>" }, /must not be empty/],
  ['an empty base64 command', { rest: "<commands><command name='c' type='base64'/></commands>" }, /must not be empty/],
  [
    'a nameless command',
    { rest: '<precommands><command>x</command></precommands>' },
    /<command> lacks the attribute name/,
  ],
  [
    'positions on only some commands',
    { rest: "<commands><command name='a' position='1'>x</command><command name='b'>y</command></commands>" },
    /give a position to every command or to none/,
  ],
  [
    'two equal positions',
    {
      rest: "<commands><command name='a' position='1'>x</command><command name='b' position='1'>y</command></commands>",
    },
    /position 1 is already used by command "a"/,
  ],
  [
    'a gap in the positions',
    {
      rest: "<commands><command name='a' position='1'>x</command><command name='b' position='3'>y</command></commands>",
    },
    /position 3 is not possible/,
  ],
  [
    'position 0',
    { rest: "<commands><command name='a' position='0'>x</command></commands>" },
    /position 0 is not possible/,
  ],
  [
    'a position that is not a number',
    { rest: "<commands><command name='a' position=''>x</command></commands>" },
    /"" is not a position/,
  ],
  [
    'a repository without an address',
    { rest: "<repositories><repository name='r'/></repositories>" },
    /<repository> lacks <url>/,
  ],
  [
    'a repository with a value that is not yes or no',
    {
      rest: "<repositories><repository name='r'><url>http://x.example</url><signed>maybe</signed></repository></repositories>",
    },
    /neither yes nor no/,
  ],
  ...[
    'http://localhost/r',
    'http://localhost:80/r',
    'http://127.0.0.1/r',
    'http://[::1]/r',
    'https://localhost.localdomain/r',
    'deb http://LOCALHOST./debian x main',
  ].map((url): [string, Parameters<typeof templateText>[0], RegExp] => [
    `a repository at ${url}`,
    { rest: `<repositories><repository name='r'><url>${url}</url></repository></repositories>` },
    /the guest cannot reach/,
  ]),
  ['a disk without a size', { rest: '<disk/>' }, /<disk> lacks <size>/],
  ['a namespace', { rest: '', name: '<name xmlns="urn:x">t</name>' }, /no namespace/],
  ['an element of a foreign namespace', { rest: '<x:files xmlns:x="urn:x"/>' }, /<x:files> is not allowed/],
  [
    'XInclude',
    { rest: '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>' },
    /XInclude is not supported/,
  ],
  [
    'XInclude by another prefix',
    { rest: '<packages><a:include xmlns:a="http://www.w3.org/2001/XInclude" href="x"/></packages>' },
    /XInclude is not supported/,
  ],
];

for (const [what, parts, says] of REFUSALS) {
  test(`${what}: refused`, () => {
    const problems = problemsOf(templateText(parts));
    assert.ok(
      problems.some(({ message }) => says.test(message)),
      JSON.stringify(problems),
    );
  });
}

test('an unused namespace prefix is ignored', () => {
  assert.equal(valid(templateText().replace('<template', '<template xmlns:x="urn:x"')).name, 't');
});

test('the failure of a build names file, line and column of each mistake', () => {
  assert.throws(
    () => throwIfInvalid('<template>\n<name/>\n</template>', 'my.tdl'),
    (error: unknown) => {
      assert.ok(error instanceof FactoryError);
      assert.equal(error.type, 'InvalidTemplate');
      assert.equal(error.retryable, false);
      const lines = error.message.split('\n');
      assert.match(lines[0] ?? '', /^my\.tdl:1:1: <template> lacks <os>/);
      assert.match(lines[1] ?? '', /^my\.tdl:2:1: <name> is empty/);
      assert.equal(lines.length, 2);
      return true;
    },
  );
});

test('at most 100 mistakes are listed', () => {
  const problems = problemsOf(templateText({ rest: `<packages>${'<package/>'.repeat(500)}</packages>` }));
  assert.equal(problems.length, 100);
});

test('parsing does not change the given bytes', () => {
  const bytes = new TextEncoder().encode(templateText());
  const copy = bytes.slice();
  assert.ok(parseTemplate(bytes).template);
  assert.deepEqual(bytes, copy);
});
