import type { BuildRef } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import type { SourceImage } from '../images/source-image.js';
import { ensureSourceImage } from './source-images.js';

/**
 * Downloads the image that will be converted to the cache of this worker's machine. The conversion itself may run on
 * another worker, and then downloads the image again.
 */
export async function fetchSource(deps: Deps, { ref, source }: { ref: BuildRef; source: SourceImage }): Promise<void> {
  await ensureSourceImage(deps, ref.cloud, source);
}
