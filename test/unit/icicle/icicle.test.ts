import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../src/domain/errors.js';
import { pairWithExtra, parseListing, readIcicle, writeIcicle } from '../../../src/icicle/icicle.js';

describe('writing an ICICLE document', () => {
  it('puts the description first, indents by two spaces, and ends in a line feed', () => {
    const text = writeIcicle([{ name: 'bash-5.2-1.x86_64' }, { name: 'tree', extra: 'one line' }], 'A system');
    assert.equal(
      text,
      `<icicle>
  <description>A system</description>
  <packages>
    <package name="bash-5.2-1.x86_64"/>
    <package name="tree">
      <extra>one line</extra>
    </package>
  </packages>
</icicle>
`,
    );
  });

  it('leaves out a description that the template does not have', () => {
    assert.equal(writeIcicle([]), '<icicle>\n  <packages/>\n</icicle>\n');
  });

  it('keeps the order of the listing', () => {
    const names = ['zsh', 'bash', 'apt'];
    const { packages } = readIcicle(writeIcicle(names.map((name) => ({ name }))));
    assert.deepEqual(
      packages.map(({ name }) => name),
      names,
    );
  });

  it('escapes the special characters of XML', () => {
    const text = writeIcicle([{ name: 'a"b<c>&d', extra: '<x> & "y"' }], 'R & D');
    assert.match(text, /<description>R &amp; D<\/description>/);
    assert.match(text, /<package name="a&quot;b&lt;c&gt;&amp;d">/);
    assert.match(text, /<extra>&lt;x&gt; &amp; "y"<\/extra>/);
  });

  it('replaces characters that XML does not allow', () => {
    assert.match(writeIcicle([{ name: 'a\u0007b\ud800c' }]), /name="a\ufffdb\ufffdc"/);
  });
});

describe('reading an ICICLE document', () => {
  it('returns the packages and the description that were written', () => {
    const packages = [{ name: 'a"b<c>&d\ne' }, { name: 'é', extra: '  <x> & \r"y" ' }, { name: '1.0' }];
    assert.deepEqual(readIcicle(writeIcicle(packages, ' R & D ')), { description: ' R & D ', packages });
    assert.deepEqual(readIcicle(writeIcicle([])), { packages: [] });
  });

  it('accepts an XML declaration, and packages before the description', () => {
    const text = `<?xml version="1.0"?>\n<icicle><packages><package name='a'/></packages><description>d</description></icicle>`;
    assert.deepEqual(readIcicle(text), { description: 'd', packages: [{ name: 'a' }] });
  });

  for (const [what, text] of [
    ['an empty text', ''],
    ['broken XML', '<icicle><packages></icicle>'],
    ['another document', '<template/>'],
    ['a document without packages', '<icicle/>'],
    ['a package without a name', '<icicle><packages><package/></packages></icicle>'],
    ['a document type', '<!DOCTYPE icicle [<!ENTITY a "b">]><icicle><packages/></icicle>'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => readIcicle(text),
        (error) =>
          error instanceof FactoryError &&
          error.type === 'StoreFailed' &&
          /ICICLE document in the store is not valid/.test(error.message),
      );
    });
  }
});

it('parseListing reads one package per line, and skips empty lines', () => {
  assert.deepEqual(parseListing('bash\n\nlibc6:amd64\r\n  \n'), [{ name: 'bash' }, { name: 'libc6:amd64' }]);
  assert.deepEqual(parseListing(''), []);
});

it('pairWithExtra gives each package the line of the extra output at the same position, also an empty line', () => {
  assert.deepEqual(pairWithExtra('a\nb\n', '1\n\n'), [
    { name: 'a', extra: '1' },
    { name: 'b', extra: '' },
  ]);
  assert.deepEqual(pairWithExtra('a\n\nb\n', '1\n2\n3\n'), [
    { name: 'a', extra: '1' },
    { name: 'b', extra: '3' },
  ]);
  assert.throws(() => pairWithExtra('a\nb\n', '1\n'), /printed 1 lines for 2 packages/);
});
