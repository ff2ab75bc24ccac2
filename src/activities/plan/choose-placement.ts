import { FactoryError } from '../../domain/errors.js';
import type { BuildParameters } from '../../domain/parameters.js';
import type { Cloud, Flavor, NeutronNetwork } from '../../openstack/types.js';
import { cancellationSignal } from '../shared/context.js';

/** Finds the flavor of a build. @throws FactoryError NotFound, whose hint lists the flavors */
export async function chooseFlavor({ name: cloud, compute }: Cloud, parameters: BuildParameters): Promise<Flavor> {
  const flavor =
    parameters.flavor === undefined
      ? undefined
      : await compute.findFlavor(parameters.flavor, { signal: cancellationSignal() });
  if (flavor === undefined) {
    const known = (await compute.listFlavors({ signal: cancellationSignal() }))
      .map(({ id, name }) => `${name} (${id})`)
      .join(', ');
    const message =
      parameters.flavor === undefined
        ? 'parameter flavor is not set for this build'
        : `there is no flavor ${parameters.flavor}`;
    throw new FactoryError('NotFound', `${message} on cloud ${cloud}`, {
      hint: `--parameter flavor takes one of: ${known}`,
    });
  }
  return flavor;
}

/** Finds the network of a build. @throws FactoryError NotFound, whose hint lists the networks */
export async function chooseNetwork(
  { name: cloud, network }: Cloud,
  parameters: BuildParameters,
): Promise<NeutronNetwork> {
  if (parameters.network !== undefined) {
    const named = await network.findNetwork(parameters.network, { signal: cancellationSignal() });
    if (named !== undefined) return named;
  }
  const all = await network.listNetworks({}, { signal: cancellationSignal() });
  const inner = all.filter((candidate) => !candidate['router:external']);
  const candidates = inner.length > 0 ? inner : all.filter((candidate) => candidate.shared);
  const only = candidates[0];
  if (parameters.network === undefined && candidates.length === 1 && only !== undefined) return only;
  const names = all.map((candidate) => candidate.name).join(', ') || 'none';
  const message =
    parameters.network === undefined
      ? `parameter network is not set, and the project has ${candidates.length} networks to choose from`
      : `there is no network ${parameters.network}`;
  throw new FactoryError('NotFound', `${message} on cloud ${cloud}`, {
    hint: `--parameter network takes one of: ${names}`,
  });
}
