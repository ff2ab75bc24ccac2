import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { azureSchema, blobEndpoint } from '../../../../src/providers/azure/configuration.js';
import {
  definitionName,
  managedImageName,
  nextVersion,
  normalizeRegion,
  versionNumber,
} from '../../../../src/providers/azure/names.js';

const UUID = '1f2e3d4c-0000-4000-8000-000000000000';
const RESOURCE_NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9])?$/;

describe('the names of what a push to Azure makes', () => {
  for (const [name, expected] of [
    ['debian-12-azure', 'debian-12-azure'],
    ['Fedora 42 (Server)', 'Fedora-42-Server'],
    ['.hidden_', 'hidden'],
    ['größe', 'gr-e'],
    ['日本', 'image'],
    ['x'.repeat(100), 'x'.repeat(80)],
    [`${'x'.repeat(79)}--`, 'x'.repeat(79)],
  ] as const) {
    it(`turn ${name.slice(0, 30)} into a name that Azure takes`, () => {
      assert.equal(definitionName({ name }), expected);
      assert.match(managedImageName({ name, uuid: UUID }), RESOURCE_NAME);
      assert.match(managedImageName({ name, uuid: UUID }), /-1f2e3d4c$/);
    });
  }

  it('number versions in the order of their pushes, within 32 bits', () => {
    const times = ['2026-01-05T00:00:00Z', '2026-01-05T09:59:59Z', '2026-11-30T23:59:59Z', '2027-01-01T00:00:00Z'];
    const numbers = times.map((time) => versionNumber(new Date(time)).split('.').map(Number));
    const sorted = numbers.toSorted((a, b) => a.map((n, i) => n - (b[i] ?? 0)).find((n) => n !== 0) ?? 0);
    assert.deepEqual(numbers, sorted);
    assert.ok(numbers.flat().every((number) => number < 2 ** 31));
    assert.equal(versionNumber(new Date('2026-11-30T08:29:53Z')), '2026.1130.82953');
  });

  it('begin with the two numbers of the configuration', () => {
    assert.equal(versionNumber(new Date('2026-11-30T08:29:53Z'), '1.2'), '1.2.1796027393');
  });

  it('count on from one that is taken', () => assert.equal(nextVersion('1.2.9'), '1.2.10'));

  it('compare regions as Azure writes them', () => {
    assert.equal(normalizeRegion('West Europe'), normalizeRegion('westeurope'));
  });
});

describe('the configuration of a provider of kind azure', () => {
  it('is that of the example in its page', () => {
    const page = readFileSync('docs/providers/azure.md', 'utf8');
    const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '') as { providers: object };
    for (const entry of Object.values(example.providers)) azureSchema.parse(entry);
  });

  const entry = {
    kind: 'azure',
    subscription: 'bbbbbbbb-0000-4000-8000-000000000002',
    resource_group: 'images',
    region: 'westeurope',
    storage: { account: 'imagestore', container: 'images' },
  };

  it('needs no endpoints for the public cloud', () => {
    const configuration = azureSchema.parse(entry);
    assert.equal(configuration.endpoints.management, 'https://management.azure.com');
    assert.equal(blobEndpoint(configuration), 'https://imagestore.blob.core.windows.net');
  });

  for (const [title, change] of [
    ['a hyphen in the name of a gallery', { gallery: { name: 'my-gallery' } }],
    ['a version with three numbers', { gallery: { name: 'shared', version: '1.2.3' } }],
    ['an unknown key', { colour: 'blue' }],
    ['a container in capitals', { storage: { account: 'imagestore', container: 'Images' } }],
    ['a management endpoint without TLS', { endpoints: { management: 'http://example.org' } }],
  ] as const) {
    it(`refuses ${title}`, () => assert.equal(azureSchema.safeParse({ ...entry, ...change }).success, false));
  }
});
