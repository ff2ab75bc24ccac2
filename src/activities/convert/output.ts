import { stat } from 'node:fs/promises';
import type { ConvertedDisk } from '../../domain/target-image-result.js';
import { withStoreErrors } from '../../domain/store-errors.js';
import { type ConvertedFile, digestFile } from '../../formats/index.js';
import { cancellationSignal, type Deps } from '../shared/context.js';

/** Name of the store's document that describes the body of a target image. */
const OUTPUT = 'output.json';

/**
 * Makes a complete file the body of a target image, and describes it. Keeps the body of another attempt, if that was
 * faster: the step has returned its digests.
 */
export async function publishOutput(
  deps: Pick<Deps, 'store'>,
  uuid: string,
  { path, ...output }: ConvertedFile,
): Promise<ConvertedDisk> {
  const other = await readOutput(deps, uuid);
  if (other !== undefined) return other;
  await deps.store.moveToBody(uuid, path);
  await deps.store.writeDocument(uuid, OUTPUT, JSON.stringify(output));
  return output;
}

/**
 * Finds the description of a target image's body by the body's size, without reading it. Returns undefined when the
 * body is not complete.
 */
export async function findOutput({ store }: Pick<Deps, 'store'>, uuid: string): Promise<ConvertedDisk | undefined> {
  const document = await store.readDocument(uuid, OUTPUT);
  if (document === undefined) return undefined;
  const output = JSON.parse(document.toString('utf8')) as ConvertedDisk;
  const size = await stat(store.bodyPath(uuid)).then(({ size: bytes }) => bytes, () => undefined); // prettier-ignore
  return size === output.size ? output : undefined;
}

/**
 * Reads the body of a target image, and returns its description. Returns undefined when the body is not complete, or is
 * not the one that is described: two attempts may have written one each, at nearly the same time.
 */
export async function readOutput(deps: Pick<Deps, 'store'>, uuid: string): Promise<ConvertedDisk | undefined> {
  const output = await findOutput(deps, uuid);
  if (output === undefined) return undefined;
  const path = deps.store.bodyPath(uuid);
  const { sha256 } = await withStoreErrors('read', path, () => digestFile(path, cancellationSignal()));
  return sha256 === output.sha256 ? output : undefined;
}
