import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../src/domain/errors.js';
import { PARAMETERS, parseParameters } from '../../../src/domain/parameters.js';

function refusal(given: Record<string, unknown>): FactoryError {
  try {
    parseParameters(given);
  } catch (error) {
    assert.ok(error instanceof FactoryError);
    return error;
  }
  throw new assert.AssertionError({ message: 'parseParameters accepted the parameters' });
}

describe('parameters', () => {
  it('have their defaults when nothing is given', () => {
    const parsed = parseParameters({});
    assert.equal(parsed.request_floating_ip, false);
    assert.equal(parsed.default_user, 'root');
    assert.equal(parsed.reuse_jeos, true);
    assert.equal(parsed.install_timeout, 7200);
    assert.equal(parsed.flavor, undefined);
  });

  for (const [word, value] of [
    ['True', true],
    ['FALSE', false],
    ['yes', true],
    ['no', false],
    ['0', false],
    [true, true],
  ] as const) {
    it(`read ${JSON.stringify(word)} as the boolean ${value}`, () => {
      assert.equal(parseParameters({ reuse_jeos: word }).reuse_jeos, value);
      assert.equal(parseParameters({ request_floating_ip: word }).request_floating_ip, value);
    });
  }

  it('accept the name of a network for request_floating_ip', () => {
    assert.equal(parseParameters({ request_floating_ip: 'public' }).request_floating_ip, 'public');
  });

  it('accept the number of a flavor as a string, as in the article, and as a JSON number', () => {
    assert.equal(parseParameters({ flavor: '2' }).flavor, '2');
    assert.equal(parseParameters({ flavor: 2 }).flavor, '2');
  });

  it('accept the names of users, also those of Windows, for default_user', () => {
    for (const name of ['root', '_x', 'ec2-user', 'a.b_c', 'jörg', '1user', 'CORP\\Local Admin', 'me@corp.example'])
      assert.equal(parseParameters({ default_user: name }).default_user, name);
  });

  it('refuse a default_user that a program could take for an option or a command', () => {
    const long = 'u'.repeat(65);
    const names = [
      '',
      '-oProxyCommand=touch x',
      '-l',
      ' root',
      'a -oX',
      'a\\',
      'a\nb',
      '$(x)',
      'a;b',
      'a`b`',
      "a'",
      'a%h',
      long,
    ];
    for (const name of names) {
      const { type, message } = refusal({ default_user: name });
      assert.equal(type, 'InvalidParameter');
      assert.match(message, /^parameter default_user: ".*" is not the name of a user$/);
    }
  });

  it('that do not exist are refused by name, with the names that do', () => {
    const error = refusal({ flavour: '2' });
    assert.match(error.message, /"flavour"/);
    for (const name of Object.keys(PARAMETERS)) assert.match(error.hint ?? '', new RegExp(`\\b${name}\\b`));
  });

  for (const [name, value] of [
    ['reuse_jeos', 'maybe'],
    ['install_timeout', 'soon'],
    ['install_timeout', '-1'],
    ['install_timeout', '1.5'],
    ['install_timeout', 0],
    ['default_user', true],
    ['request_floating_ip', ' '],
  ] as const) {
    it(`of the wrong type are refused by name: ${name} = ${JSON.stringify(value)}`, () => {
      assert.match(refusal({ [name]: value }).message, new RegExp(`^parameter ${name}: `));
    });
  }

  it('never show the install script’s text in a refusal', () => {
    assert.doesNotMatch(refusal({ install_script: { rootpw: 'geheim' } }).message, /geheim/);
  });
});
