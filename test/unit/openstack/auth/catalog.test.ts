import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { selectEndpoint, findEndpoint } from '../../../../src/openstack/auth/catalog.js';
import { settingsFor } from '../local-service.js';

const CATALOG = [
  {
    type: 'compute',
    endpoints: [
      { interface: 'public', region: 'one', region_id: 'one', url: 'http://public.one' },
      { interface: 'internal', region: 'one', region_id: 'one', url: 'http://internal.one' },
      { interface: 'public', region: 'two', region_id: 'two', url: 'http://public.two' },
    ],
  },
  { type: 'imagev2', endpoints: [{ interface: 'publicURL', region: 'one', url: 'http://image.one' }] },
];

describe('the endpoint of a service', () => {
  const settings = settingsFor('http://localhost');

  it('is the endpoint of the wanted region and interface', () => {
    assert.equal(selectEndpoint(CATALOG, 'compute', { ...settings, region: 'two' }), 'http://public.two');
    const internal = { ...settings, region: 'one', interfaces: ['internal' as const] };
    assert.equal(selectEndpoint(CATALOG, 'compute', internal), 'http://internal.one');
  });

  it('is the first endpoint of the interface when no region is set', () => {
    assert.equal(selectEndpoint(CATALOG, 'compute', settings), 'http://public.one');
  });

  it('is that of the first wanted interface which the catalogue has', () => {
    const interfaces = ['admin' as const, 'internal' as const, 'public' as const];
    assert.equal(selectEndpoint(CATALOG, 'compute', { ...settings, interfaces }), 'http://internal.one');
    assert.equal(selectEndpoint(CATALOG, 'image', { ...settings, interfaces }), 'http://image.one');
  });

  it('follows the region and the interfaces of its service, if these are set', () => {
    const serviceEndpoints = { compute: { region: 'two' }, image: { interfaces: ['admin' as const] } };
    const own = { ...settings, region: 'one', serviceEndpoints };
    assert.equal(selectEndpoint(CATALOG, 'compute', own), 'http://public.two');
    assert.equal(findEndpoint(CATALOG, 'image', own), undefined);
  });

  it('is found under another name of the service type', () => {
    assert.equal(selectEndpoint(CATALOG, 'image', settings), 'http://image.one');
  });

  it('is the address in the settings, whatever the catalogue has', () => {
    const endpointOverrides = { network: 'http://override' };
    assert.equal(selectEndpoint(CATALOG, 'network', { ...settings, endpointOverrides }), 'http://override');
  });

  const volumes = (type: string, ...urls: string[]) => ({
    type,
    endpoints: urls.map((url) => ({ interface: 'public', region: 'one', url })),
  });
  const blockStorage: [string, Parameters<typeof selectEndpoint>[0], string | undefined][] = [
    [
      'block-storage before older names',
      [volumes('volumev3', 'http://old/v3'), volumes('block-storage', 'http://new')],
      'http://new',
    ],
    ['volumev3', [volumes('volumev2', 'http://h/v2/p'), volumes('volumev3', 'http://h/v3/p')], 'http://h/v3/p'],
    [
      'volume with an address of version 3',
      [volumes('volume', 'http://h/volume/v1', 'http://h/volume/v3')],
      'http://h/volume/v3',
    ],
    ['volume with an address of an older version', [volumes('volume', 'http://h/volume/v2/p')], undefined],
    ['no such service', CATALOG, undefined],
  ];
  for (const [what, catalog, address] of blockStorage) {
    it(`for block storage is ${address ?? 'none'} when the catalogue has ${what}`, () => {
      assert.equal(findEndpoint(catalog, 'block-storage', settings), address);
    });
  }

  const missing: [string, Parameters<typeof selectEndpoint>[1], object, RegExp][] = [
    [
      'a region that does not exist',
      'compute',
      { region: 'three' },
      /in region three: it has internal in one, public in one, public in two$/,
    ],
    [
      'an interface that does not exist',
      'image',
      { interfaces: ['admin' as const] },
      /no admin endpoint of type image: it has public in one$/,
    ],
    [
      'a service that does not exist',
      'network',
      {},
      /no public endpoint of type network: its services are compute, imagev2$/,
    ],
  ];
  for (const [what, type, change, message] of missing) {
    it(`fails for ${what}, and the error lists what exists`, () => {
      assert.throws(
        () => selectEndpoint(CATALOG, type, { ...settings, ...change }),
        (error: unknown) => error instanceof FactoryError && error.type === 'NotFound' && message.test(error.message),
      );
    });
  }
});
