import type { BuildRef } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import type { SourceImage } from '../images/source-image.js';
import { withSourceImage } from './source-images.js';

/**
 * Downloads the image that will be converted to the worker's cache. The conversion itself may run on another worker
 * with another cache, and then downloads the image again.
 */
export async function fetchSource(deps: Deps, { ref, source }: { ref: BuildRef; source: SourceImage }): Promise<void> {
  await withSourceImage(deps, ref.cloud, source, async () => undefined);
}
