import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { checkInstallScript, type CheckedScript } from '../../../../src/os/scripts/check-install-script.js';

const check = (text: string): CheckedScript => checkInstallScript('autoinstall', text);
const message = (text: string): string =>
  check(text)
    .problems.map((problem) => `${problem.line}: ${problem.message}`)
    .join('\n');

const CONFIG = '#cloud-config\nautoinstall:\n  version: 1\n  shutdown: poweroff\n';
const MIME = (...parts: string[]): string =>
  [
    'Content-Type: multipart/mixed;\n boundary="==B=="\nMIME-Version: 1.0\n',
    ...parts.map((part) => `--==B==\n${part}`),
    '--==B==--\n',
  ].join('\n');
const PART = (text: string, type = 'text/cloud-config'): string =>
  `Content-Type: ${type}; charset="us-ascii"\n\n${text}`;

describe('an autoinstall file, read as PyYAML reads it,', () => {
  for (const [what, text] of [
    ['with an alias', '#cloud-config\nx: &how poweroff\nautoinstall:\n  shutdown: *how\n'],
    ['with a merged mapping', 'x: &base\n  shutdown: poweroff\nautoinstall:\n  <<: *base\n  version: 1\n'],
    [
      'with several merged mappings',
      'a: &a {shutdown: poweroff}\nb: &b {shutdown: reboot}\nautoinstall: {<<: [*a, *b]}\n',
    ],
    [
      'with its own key before a merged one',
      'a: &a {shutdown: reboot}\nautoinstall:\n  shutdown: poweroff\n  <<: *a\n',
    ],
    ['with a mapping that is an alias', 'x: &x {shutdown: poweroff}\nautoinstall: *x\n'],
    ['with a key twice, whose last value counts', 'shutdown: reboot\nversion: 1\nshutdown: poweroff\n'],
    ['with quotes', `"version": 1\n'shutdown': "poweroff"\n`],
    ['in flow style', '{version: 1, shutdown: poweroff}\n'],
    ['with a document’s marker', '%YAML 1.1\n# comment\n---\nversion: 1\nshutdown: poweroff\n...\n'],
  ] as const) {
    it(`is valid ${what}`, () => assert.deepEqual([message(text), check(text).warnings], ['', []]));
  }

  for (const [what, text, says] of [
    ['a merged ending that reboots', 'x: &b {shutdown: reboot}\nautoinstall:\n  <<: *b\n', /^1: "shutdown: reboot"/],
    ['capital letters', 'shutdown: Poweroff\n', /^1: "shutdown: Poweroff" does not power/],
    [
      'a quoted merge key, which is a key like others',
      'x: &b {shutdown: poweroff}\nautoinstall:\n  "<<": *b\n',
      /add the line/,
    ],
    ['an alias of nothing', 'shutdown: *how\n', /^1: this is not YAML: no anchor &how/],
    ['an anchor twice', 'a: &a b\nc: &a d\nshutdown: poweroff\n', /the anchor &a is there twice/],
    ['a tag that PyYAML does not know', 'a: !foo b\nshutdown: poweroff\n', /not YAML: Unresolved tag/],
    ['a template without its header', 'a: {{ b }}\nshutdown: poweroff\n', /a list or a mapping cannot be a key/],
    ['two documents', 'shutdown: poweroff\n---\na: b\n', /not YAML: Source contains multiple documents/],
    ['merge keys in a circle', 'a: &a\n  <<: *a\nautoinstall:\n  <<: *a\n', /add the line/],
  ] as const) {
    it(`is refused with ${what}`, () => assert.match(message(text), says));
  }
});

describe('an autoinstall file alone', () => {
  const wrapped = (text: string): string => check(text).script;

  it('reaches the installer with the words that its author wrote', () => {
    const text = 'version: 1\nmatch: {serial: 12345678901234567890}\npermissions: 0644\n\nshutdown: poweroff # end\n';
    const indented = text.replace(/^(?=.)/gm, '  ');
    assert.equal(wrapped(text), `#cloud-config\nautoinstall:\n${indented}`);
  });

  it('may have binary content', () => {
    const text = 'shutdown: poweroff\ncontent: !!binary |\n  aGVsbG8=\n';
    assert.equal(wrapped(text), `#cloud-config\nautoinstall:\n${text.replace(/^(?=.)/gm, '  ')}`);
  });

  it('means the same below the key autoinstall', () => {
    for (const text of [
      'a: |2\n    b\n   c\n\n  d\ne: "f\n  g \\\n   h"\ni: j\n  k\nshutdown: poweroff\n',
      '# c\n%YAML 1.2\n--- # d\na: b\nshutdown: poweroff\n...\n',
      '---\na: [\n  b\n]\nshutdown: poweroff\n',
      '--- {a: b, shutdown: poweroff}\n',
      '{a: b,\nshutdown: poweroff}',
      'a: &x\r\n  - b\r\nc: *x\r\nshutdown: poweroff\r\n',
      'a: >-\n  b\n  \tc\n    \n\n  d\nshutdown: poweroff\n',
    ]) {
      assert.deepEqual((parse(wrapped(text)) as { autoinstall: unknown }).autoinstall, parse(text), text);
    }
  });

  it('keeps its bytes when it is a cloud-config already', () => {
    for (const text of [CONFIG, CONFIG.replaceAll('\n', '\r\n'), `## template: jinja\n${CONFIG}`, MIME(PART(CONFIG))])
      assert.equal(wrapped(text), text);
    for (const text of ['autoinstall:\n  shutdown: poweroff\n', '{autoinstall: {shutdown: poweroff}}\n'])
      assert.equal(wrapped(text), `#cloud-config\n${text}`);
  });

  it('is measured in the form in which Nova gets it', () => {
    const text = `shutdown: poweroff\n${'a:\n'.repeat(14_000)}`;
    assert(Buffer.byteLength(text) < 49_149);
    assert.match(message(text), /user data can have at most 49149/);
  });
});

describe('user data for cloud-init', () => {
  for (const [what, text] of [
    ['a message of several parts', MIME(PART('#!/bin/sh\ntrue\n', 'text/x-shellscript'), PART(CONFIG))],
    ['a part without a header', MIME(PART('autoinstall:\n  shutdown: poweroff\n'))],
    ['a part of another type, by its first line', MIME(PART(CONFIG, 'text/plain'))],
    [
      'a part in base64',
      MIME(
        `Content-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\n${Buffer.from(CONFIG).toString('base64')}\n`,
      ),
    ],
    ['a message in a message', MIME(`Content-Type: multipart/mixed; boundary=C\n\n--C\n${PART(CONFIG)}\n--C--`)],
    ['parts of which the last one counts', MIME(PART(CONFIG.replace('poweroff', 'reboot')), PART(CONFIG))],
    [
      'an archive',
      `#cloud-config-archive\n- |\n  #!/bin/sh\n  true\n- type: text/cloud-config\n  content: |\n${CONFIG.replace(/^(?=.)/gm, '    ')}`,
    ],
  ] as const) {
    it(`is looked through: ${what}`, () => {
      assert.deepEqual([message(text), check(text).warnings], ['', []]);
      assert.equal(check(text).script, text);
    });
  }

  for (const [what, text] of [
    [
      'a template of Jinja',
      `## template: jinja\n${CONFIG.replace('  shut', "{% if v1.region == 'a' %}\n  x: [y]\n{% endif %}\n  shut")}`,
    ],
    ['an include', '#include\nhttp://example.org/autoinstall\n'],
    ['a JSON patch', '#cloud-config-jsonp\n[{"op": "add"}]\n'],
    [
      'a compressed part',
      MIME('Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\nH4sIAAAAAAAA/8vILAYA\n'),
    ],
  ] as const) {
    it(`is valid with a warning where it cannot be looked through: ${what}`, () => {
      const { problems, warnings, script } = check(text);
      assert.deepEqual(problems, []);
      assert.match(warnings.join(), /this check cannot read it/);
      assert.equal(script, text);
    });
  }

  for (const [what, text, says] of [
    ['a part that reboots', MIME(PART(CONFIG.replace('poweroff', 'reboot'))), /^11: "shutdown: reboot"/],
    ['a template without an ending', '## template: jinja\n#cloud-config\nautoinstall: {}\n', /no part .*"autoinstall"/],
    [
      'a script only',
      MIME(PART('#!/bin/sh\npoweroff\n', 'text/x-shellscript')),
      /no part of this user data sets "autoinstall"/,
    ],
    ['a part that is no YAML', MIME(PART('#cloud-config\na: [\n')), /^\d+: this is not YAML/],
    [
      'an ending that is seen, beside one that is not',
      MIME(PART(CONFIG.replace('poweroff', 'reboot')), PART('#include\nh\n', 'text/plain')),
      /"shutdown: reboot"/,
    ],
  ] as const) {
    it(`is refused: ${what}`, () => assert.match(message(text), says));
  }
});
