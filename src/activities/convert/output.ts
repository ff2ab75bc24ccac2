import { stat } from 'node:fs/promises';
import type { ConvertedDisk } from '../../domain/messages.js';
import type { Deps } from '../shared/context.js';

/** Name of the store's document that describes the body of a target image. */
const OUTPUT = 'output.json';

/** Describes the body of a target image, which is complete. */
export async function writeOutput({ store }: Pick<Deps, 'store'>, uuid: string, output: ConvertedDisk): Promise<void> {
  await store.writeDocument(uuid, OUTPUT, JSON.stringify(output));
}

/** Reads the description of a target image's body. Returns undefined when the body is not complete. */
export async function readOutput({ store }: Pick<Deps, 'store'>, uuid: string): Promise<ConvertedDisk | undefined> {
  const document = await store.readDocument(uuid, OUTPUT);
  if (document === undefined) return undefined;
  const output = JSON.parse(document.toString('utf8')) as ConvertedDisk;
  const size = await stat(store.bodyPath(uuid)).then(({ size: bytes }) => bytes, () => undefined); // prettier-ignore
  return size === output.size ? output : undefined;
}
