import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutEnd, cutStart } from '../../../src/domain/cut.js';
import { CHARACTERS_PER_STEP } from '../../../src/os/passwords/unescaped.js';
import { createMasker } from '../../../src/planning/masker.js';
import { PatternSearch, ROOT } from '../../../src/planning/pattern-search.js';
import { createBuildMasker, SECRET_LIMITS } from '../../../src/planning/secrets.js';

function mask(text: string, secrets: string[]): string {
  return createMasker(secrets).mask(text);
}

describe('a masker', () => {
  it('finds secrets that overlap, touch or contain each other', () => {
    assert.equal(mask('x hushush y', ['hush', 'shush']), 'x ******** y');
    assert.equal(mask('hushhush', ['hush']), '********');
    assert.equal(mask('hush-hush', ['hush']), '********-********');
    assert.equal(mask('abcdefgh', ['bcde', 'cdefg', 'abcx']), 'a********h');
  });

  it('finds a secret in a long text wherever the steps of the search end, and pauses between the steps', () => {
    const secret = 'Secret & "word" end';
    const masker = createMasker([secret]);
    const written = 'Secret &amp;amp; \\\\\\"word\\\\\\" end';
    for (const around of [0, 1, 5, 9, 13, 14, 15, 16, 20, 30, 35]) {
      const before = 'x'.repeat(CHARACTERS_PER_STEP - around);
      const after = 'y'.repeat(3 * CHARACTERS_PER_STEP);
      const steps = masker.maskInSteps(`${before}${written}${after}${written}`);
      let pauses = 0;
      let step = steps.next();
      for (; step.done !== true; step = steps.next()) pauses++;
      assert.ok(step.value === `${before}********${after}********`, String(around));
      assert.ok(pauses >= 6, String(pauses));
    }
  });

  it('finds a secret in languages that are inside each other, however deep', () => {
    const secret = 'it\'s <a> & "b"';
    let text = secret;
    for (let depth = 0; depth < 3; depth++) {
      const shell = `sh -c '${text.replaceAll("'", "'\\''")}'`;
      text = shell.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
      assert.doesNotMatch(mask(text, [secret]), /it|<a|b/, text);
    }
    assert.equal(mask('&#83;ecr&#x65;t &#1114112; &#9999999;', ['Secret']), '******** &#1114112; &#9999999;');
    assert.equal(mask(JSON.stringify({ a: 'Grüße-1' }).replace('ü', '\\u00fc'), ['Grüße-1']), '{"a":"********"}');
  });

  it('finds a secret of several lines as it is, as JSON writes it, and line by line', () => {
    const secrets = ['first\nsecond\n'];
    assert.equal(mask('a first\nsecond\n b', secrets), 'a ******** b');
    assert.equal(mask('a first\\nsecond\\n b', secrets), 'a ******** b');
    assert.equal(mask('a\nsecond', secrets), 'a\n********');
  });

  it('does not take a word for a secret that has quotes in it, before it or behind it', () => {
    assert.equal(mask("pass 'pass' p'ass", ["p'ass", '"pass"']), "pass '********' ********");
    assert.equal(mask("it's its it''s", ["it''s"]), "it's its ********");
    assert.equal(mask(`say '''''' ''`, [`''''`]), `say ******** ''`);
  });

  it('finds the part of a secret beside a cut', () => {
    const text = `root:Secret-one ${'x'.repeat(20)} Secret-two`;
    const secrets = ['Secret-one', 'Secret-two'];
    for (let most = 1; most < text.length; most++) {
      for (const cut of [cutEnd(text, most), cutStart(text, most)]) {
        assert.ok(cut.length <= most);
        assert.doesNotMatch(mask(cut, secrets), /Secr|t-one|t-two/, cut);
      }
    }
    assert.equal(mask('Secret without a cut', secrets), 'Secret without a cut');
    assert.equal(cutEnd('abc', 3) + cutStart('abc', 3), 'abcabc');
  });

  it('masks the password of every address', () => {
    assert.equal(mask('GET http://u:word@h/', []), 'GET http://u:********@h/');
  });
});

describe('secrets that exceed the limits', () => {
  it('leave no text readable', () => {
    const { number, length, characters } = SECRET_LIMITS;
    for (const secrets of [
      Array.from({ length: number + 1 }, (_none, index) => `secret-${index}`),
      ['x'.repeat(length + 1)],
      Array.from({ length: characters / length + 1 }, (_none, index) => `${index}`.padEnd(length, 'x')),
    ]) {
      assert.match(createBuildMasker(secrets).mask('hush'), /^\*{8} \(hidden: the build has .*more than/);
      assert.doesNotMatch(createBuildMasker(secrets).mask('hush'), /hush/);
    }
    assert.equal(createBuildMasker(['x'.repeat(length)]).mask('hush'), 'hush');
  });
});

describe('the search for many patterns', () => {
  /** Counts the steps through the tree, which are the cost of the search. */
  function countSteps(patterns: string[], text: string): number {
    let steps = 0;
    const edges = new Map<number, number>();
    const search = new PatternSearch(patterns.map((pattern) => [...pattern].map((c) => c.charCodeAt(0))));
    const own = search as unknown as { edges: Map<number, number> };
    const all = own.edges;
    own.edges = Object.assign(edges, { get: (key: number) => (steps++, all.get(key)) });
    let node = ROOT;
    for (const character of text) node = search.step(node, character.charCodeAt(0));
    return steps;
  }

  it('takes at most two steps a character, also when long patterns nearly match everywhere', () => {
    const patterns = ['a'.repeat(1000) + 'b', 'ab'.repeat(500) + 'c', 'aab'.repeat(300) + 'd'];
    for (const text of [
      'a'.repeat(50_000),
      'ab'.repeat(25_000),
      'aab'.repeat(16_000),
      `${'a'.repeat(999)}c`.repeat(50),
    ])
      assert.ok(countSteps(patterns, text) <= 2 * text.length, text.slice(0, 10));
  });

  it('finds every pattern that ends at a place, the longest first', () => {
    const patterns = ['she', 'he', 'hers', 'e'].map((pattern) => [...pattern].map((c) => c.charCodeAt(0)));
    const search = new PatternSearch(patterns);
    let node = ROOT;
    const found: number[][] = [];
    for (const character of 'shers') {
      node = search.step(node, character.charCodeAt(0));
      found.push([...search.endsAt(node)]);
    }
    assert.deepEqual(found, [[], [], [0, 1, 3], [], [2]]);
  });
});

describe('masking hostile input', () => {
  it('takes time in proportion to the text, whatever the secrets are', () => {
    const began = Date.now();
    const { number, length } = SECRET_LIMITS;
    const texts = [
      "'".repeat(900_000),
      'a'.repeat(900_000),
      '&amp;'.repeat(180_000),
      `a'`.repeat(450_000),
      '…'.repeat(900_000),
    ];
    for (const secrets of [
      ["'".repeat(length)],
      ['a'.repeat(length)],
      Array.from({ length: 350 }, (_none, index) => 'a'.repeat(index + 4)),
      Array.from({ length: number }, (_none, index) => `a'`.repeat(40) + index),
      ['&amp;'.repeat(100)],
    ]) {
      const masker = createBuildMasker(secrets);
      for (const text of texts) masker.mask(text);
    }
    // All cases together take 10 s. If the time of one case grew with the square of the length, it would take hours.
    assert.ok(Date.now() - began < 120_000);
  });
});
