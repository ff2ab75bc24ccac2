import { FactoryError } from '../../domain/errors.js';
import { resourceName, type BuildRef } from '../../domain/names.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { loadLoginKey } from './ssh-keys.js';

export async function ensureKeyPair(deps: Deps, ref: BuildRef): Promise<string> {
  const { compute } = deps.clouds.get(ref.cloud);
  const name = resourceName(ref, 'key');
  const { publicKey } = await loadLoginKey(deps, loadBuild(deps, ref.uuid));
  if ((await compute.getKeyPair(name, { signal: cancellationSignal() })) !== undefined) return name;
  try {
    await compute.createKeyPair(name, publicKey, { signal: cancellationSignal() });
  } catch (error) {
    // The key pair exists already: an earlier try created it, but its reply was lost.
    if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
  }
  return name;
}
