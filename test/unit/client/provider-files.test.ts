import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readCredentials, readProvider } from '../../../src/client/provider-files.js';

const folder = mkdtempSync(join(tmpdir(), 'provider-files-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('the word for a provider', () => {
  it('is a name of the workers after @', () => {
    assert.deepEqual(readProvider('@images-eu', 'ec2'), { name: 'images-eu' });
  });

  it('is a JSON file, whose kind follows from the target', () => {
    const path = file('provider.json', '{"region":"eu-central-1"}');
    const definition = { region: 'eu-central-1', kind: 'ec2' };
    assert.deepEqual(readProvider(path, 'ec2'), { name: 'provider.json', definition });
  });

  it('is an XML file of imagefactory, with attributes', () => {
    const path = file('provider.xml', '<provider cloud="other" kind="glance"/>');
    assert.deepEqual(readProvider(path, 'vmdk').definition, { cloud: 'other', kind: 'glance' });
  });

  it('must say of what kind it is where the target does not', () => {
    assert.throws(() => readProvider(file('none.json', '{}'), 'vmdk'), /does not say of what kind the provider is/);
  });
});

describe('a file of credentials', () => {
  it('is the XML of imagefactory', () => {
    const text =
      '<?xml version="1.0"?>\n<provider_credentials><ec2_credentials><account_number>1234</account_number>' +
      '<access_key>AK</access_key><secret_access_key>a&amp;b</secret_access_key></ec2_credentials></provider_credentials>';
    assert.deepEqual(readCredentials(file('ec2.xml', text)), {
      account_number: '1234',
      access_key: 'AK',
      secret_access_key: 'a&b',
    });
  });

  it('is a JSON object', () => {
    assert.deepEqual(readCredentials(file('ec2.json', '{"access_key":"AK"}')), { access_key: 'AK' });
  });

  it('is refused without a word of it when it is neither', () => {
    for (const text of ['password=geheim', '["geheim"]', '<a><b>geheim</a>']) {
      assert.throws(
        () => readCredentials(file('bad', text)),
        (error: Error) => !error.message.includes('geheim') && error.message.includes('bad'),
      );
    }
  });
});
