import { stat } from 'node:fs/promises';
import type { ConvertedDisk, TargetImageResult } from '../../domain/target-image-result.js';
import { defined } from '../../domain/defined.js';
import { FactoryError } from '../../domain/errors.js';
import { withStoreErrors } from '../../domain/store-errors.js';
import { type ConvertedFile, digestFile } from '../../formats/index.js';
import { cancellationSignal, type Deps } from '../shared/context.js';

/** The body of a target image, and what it was made from. */
interface Output extends Pick<TargetImageResult, 'prepared'> {
  disk: ConvertedDisk;
}

/** Name of the store's document that describes the body of a target image. */
const OUTPUT = 'output.json';

/**
 * Makes a complete file the body of a target image, and describes it. Keeps the body of another attempt, if that was
 * faster: the step has returned its digests.
 *
 * @param prepared the prepared image that was converted. Undefined when the base image was converted as it is
 */
export async function publishOutput(
  deps: Pick<Deps, 'store'>,
  uuid: string,
  { path, ...disk }: ConvertedFile,
  prepared: Output['prepared'],
): Promise<ConvertedDisk> {
  const other = await readOutput(deps, uuid);
  if (other !== undefined) return other;
  await deps.store.moveToBody(uuid, path);
  await deps.store.writeDocument(uuid, OUTPUT, JSON.stringify({ ...disk, prepared }));
  return disk;
}

/**
 * Finds the description of a target image's body by the body's size, without reading it. Returns undefined when the
 * body is not complete.
 */
export async function findOutput({ store }: Pick<Deps, 'store'>, uuid: string): Promise<Output | undefined> {
  const document = await store.readDocument(uuid, OUTPUT);
  if (document === undefined) return undefined;
  const { prepared, ...disk } = JSON.parse(document.toString('utf8')) as ConvertedDisk & Pick<Output, 'prepared'>;
  const size = await stat(store.bodyPath(uuid)).then(({ size: bytes }) => bytes, () => undefined); // prettier-ignore
  return size === disk.size ? { disk, ...defined({ prepared }) } : undefined;
}

/** Forgets the damaged body of an earlier run, so that the next run makes it anew. Returns the error. */
export async function forgetOutput({ store }: Pick<Deps, 'store'>, uuid: string): Promise<FactoryError> {
  await store.deleteDocument(uuid, OUTPUT);
  return new FactoryError('StoreFailed', `the converted file ${store.bodyPath(uuid)} is not the one that was written`, {
    hint: `imagefactory resume ${uuid} makes it anew; check the disk of the storage directory`,
  });
}

/**
 * Reads the body of a target image, and returns its description. Returns undefined when the body is not complete, or is
 * not the one that is described: two attempts may have written one each, at nearly the same time.
 */
export async function readOutput(deps: Pick<Deps, 'store'>, uuid: string): Promise<ConvertedDisk | undefined> {
  const disk = (await findOutput(deps, uuid))?.disk;
  if (disk === undefined) return undefined;
  const path = deps.store.bodyPath(uuid);
  const { sha256 } = await withStoreErrors('read', path, () => digestFile(path, cancellationSignal()));
  return sha256 === disk.sha256 ? disk : undefined;
}
