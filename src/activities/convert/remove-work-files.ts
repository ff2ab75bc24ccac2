import type { BuildRef } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';

/** Removes the temporary files of a conversion. A conversion creates nothing in the cloud. */
export async function removeWorkFiles(deps: Deps, { ref }: { ref: BuildRef }): Promise<void> {
  await deps.store.removeWorkFolder(ref.uuid);
}
