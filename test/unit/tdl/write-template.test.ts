import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mergeFragments, parseFragment } from '../../../src/tdl/fragments.js';
import { throwIfInvalid } from '../../../src/tdl/parse.js';
import { writeTemplate } from '../../../src/tdl/write-template.js';

const TEXT = `<template><name>a &amp; b</name><os><name>Debian</name><version>12</version><arch>x86_64</arch>
<install type="iso"><iso>http://m.example.org/a.iso?x=1&amp;y=2</iso></install><icicle><extra_command>rpm -qa &lt;x</extra_command></icicle></os>
<packages><package name="one"/><package name="two"/></packages>
<repositories><repository name="r"><url>http://r.example.org/ x</url><persisted>no</persisted></repository></repositories>
<files><file name="/a &quot;b&quot;">x &lt; y
second line</file><file name="/b" type="base64">aGk=</file></files>
<precommands><command name="p">true</command></precommands>
<commands><command name="c"><![CDATA[cat <<'E'
&amp; <x> ]] >
E]]></command><command name="u" type="url">http://c.example.org/</command></commands></template>`;

describe('a written template', () => {
  it('is read as the same template', () => {
    const template = throwIfInvalid(TEXT, 'a.tdl');
    assert.deepEqual(throwIfInvalid(writeTemplate(template), 'b.tdl'), template);
  });

  it('has no secrets of the installation', () => {
    const template = throwIfInvalid(TEXT.replace('<icicle>', '<rootpw>geheim</rootpw><icicle>'), 'a.tdl');
    assert.equal(template.os.rootpw, 'geheim');
    assert.doesNotMatch(writeTemplate(template), /geheim/);
  });
});

describe('merged fragments', () => {
  const one = parseFragment('<packages><package name="a"/></packages><files><file name="/f">1</file></files><commands><command name="x" position="1">one</command></commands>', 'one'); // prettier-ignore
  const two = parseFragment('<packages><package name="b"/><package name="a"/></packages><files><file name="/f">2</file></files><commands><command name="x" position="1">two</command></commands>', 'two'); // prettier-ignore

  it('install each package once, keep the last file of a name, and run all commands in order', () => {
    const { packages, files, commands } = mergeFragments([one, two]);
    assert.deepEqual(packages.map(({ name }) => name), ['a', 'b']); // prettier-ignore
    assert.deepEqual(files, [{ name: '/f', content: { type: 'raw', text: '2' } }]);
    assert.deepEqual(commands, [
      { name: 'x', content: { type: 'raw', text: 'one' } },
      { name: 'x', content: { type: 'raw', text: 'two' } },
    ]);
  });

  it('name the mistake in a fragment', () => {
    assert.throws(() => parseFragment('<packages><package/></packages>', 'mine'), { type: 'InvalidTemplate', message: /^mine:1:/ }); // prettier-ignore
  });
});
