import { ApiError, type Call, type Reply, type Routes } from '../core/http.js';
import type { Fields } from '../core/values.js';
import type { CloudState, FakeFlavor } from '../state.js';
import { flavorView, buildLinks } from './server-view.js';

/** Adds the routes for flavors: https://docs.openstack.org/api-ref/compute/#flavors */
export function addFlavorRoutes(routes: Routes, state: CloudState): void {
  const all = (call: Call, view: (flavor: FakeFlavor) => Fields): Reply => {
    const flavors = [...state.flavors.values()];
    const start = flavors.findIndex(({ id }) => id === call.query.get('marker')) + 1;
    const limit = Number(call.query.get('limit') ?? 1000);
    const page = flavors.slice(start, start + limit);
    const last = page.at(-1);
    const more = start + limit < flavors.length && last !== undefined;
    const next = {
      flavors_links: [{ rel: 'next', href: `${call.endpoint}${call.path}?limit=${limit}&marker=${last?.id}` }],
    };
    return { status: 200, json: { flavors: page.map(view), ...(more ? next : {}) } };
  };
  const find = (call: Call): Fields => {
    const flavor = state.flavors.get(call.params['id'] ?? '');
    if (flavor === undefined) throw new ApiError(404, `Flavor ${call.params['id']} could not be found.`);
    return flavorView(flavor, call.endpoint, call.microversion);
  };
  routes
    .on('GET', '/v2.1/flavors', (call) =>
      all(call, (flavor) => ({
        id: flavor.id,
        name: flavor.name,
        links: buildLinks(call.endpoint, `flavors/${flavor.id}`),
      })),
    )
    .on('GET', '/v2.1/flavors/detail', (call) =>
      all(call, (flavor) => flavorView(flavor, call.endpoint, call.microversion)),
    )
    .on('GET', '/v2.1/flavors/:id/os-extra_specs', (call) => ({
      status: 200,
      json: { extra_specs: find(call)['extra_specs'] ?? {} },
    }))
    .on('GET', '/v2.1/flavors/:id', (call) => ({ status: 200, json: { flavor: find(call) } }));
}
