import { findRecordedKind, type RecordedKind } from '../domain/image-kinds.js';
import { readOutputs, readParent, type ImageInput, type ImageOutput, type ParentImage } from '../domain/lineage.js';
import type { ImageStatus } from '../domain/status.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildNotFoundError } from './errors.js';
import { findImage, findImages, type ImageRecord } from './images.js';

/** An image in a lineage. */
export interface LineageImage {
  identifier: string;
  /** Null when the store has no record of the image, although another image names it as its parent. */
  kind: RecordedKind | null;
  /** Name of the template. Empty when it is not known. */
  name: string;
  /** Name of the target. Null when the image is no target image. */
  target: string | null;
  /** Name of the provider. Null when the image is no provider image. */
  provider: string | null;
  /** Null when the store has no record of the image. */
  status: ImageStatus | null;
  parent: ParentImage | null;
  /** UUIDs of the images that were made from this one, the oldest first. */
  children: string[];
  inputs: ImageInput[];
  outputs: ImageOutput[];
}

/** From what an image was made, and what was made from it. */
export interface Lineage {
  /** UUID of the image whose lineage this is. */
  identifier: string;
  /** The images, each before its children. The first one is the oldest that was asked for. */
  images: LineageImage[];
  /** What is wrong with the records, in sentences: a parent that has no record, a circle of parents. */
  problems: string[];
}

/** `up`: the image and what it was made from. `down`: the image and what was made from it. `both`: all of these. */
export type LineageDirection = 'up' | 'down' | 'both';

/**
 * Finds out from what an image was made, and what was made from it: from the records in the worker's store.
 *
 * @example
 * const { images } = await findLineage(client, uuid, 'up');
 *
 * @throws BuildNotFoundError when the store has no record of the image, and no image that was made from it
 * @throws NoWorkerError when no worker can read the store
 */
export async function findLineage(
  client: ImageFactoryClient,
  uuid: string,
  direction: LineageDirection = 'both',
): Promise<Lineage> {
  const lineage = buildLineage(await findImages(client), uuid, direction);
  const images = await Promise.all(
    lineage.images.map(async (image) => {
      if (image.kind === null) return image;
      // The list of all images does not contain their inputs.
      const record = await findImage(client, image.identifier);
      return { ...image, inputs: record?.inputs ?? [] };
    }),
  );
  return { ...lineage, images };
}

/** Builds a lineage from all records of a store. @throws BuildNotFoundError as {@link findLineage} */
export function buildLineage(records: readonly ImageRecord[], uuid: string, direction: LineageDirection): Lineage {
  const graph = new ImageGraph(records);
  if (!graph.has(uuid)) {
    throw new BuildNotFoundError(uuid, { hint: '`imagefactory images` lists the images in the store' });
  }
  const up = direction === 'down' ? { line: [], problems: [] } : graph.listAncestors(uuid);
  const down = direction === 'up' ? [] : graph.listDescendants(uuid, new Set(up.line));
  const shown = [...up.line, uuid, ...down];
  return {
    identifier: uuid,
    images: shown.map((id) => graph.describe(id)),
    problems: [...up.problems, ...shown.flatMap((id) => graph.findMissingParent(id))],
  };
}

/** Lists the images that were made from an image, also through others. Each stands before its parent. */
export function listDescendantsFirst(records: readonly ImageRecord[], uuid: string): string[] {
  return new ImageGraph(records).listDescendants(uuid).reverse();
}

/** The images of a store, and which was made from which. Survives circles, which only a damaged record can make. */
class ImageGraph {
  private readonly records: ReadonlyMap<string, ImageRecord>;
  private readonly children = new Map<string, string[]>();

  constructor(records: readonly ImageRecord[]) {
    this.records = new Map(records.map((record) => [record.identifier, record]));
    const oldestFirst = [...records].sort((one, other) => (one.created_at ?? '').localeCompare(other.created_at ?? ''));
    for (const record of oldestFirst) {
      const parent = readParent(record)?.id;
      if (parent === undefined) continue;
      this.children.set(parent, [...(this.children.get(parent) ?? []), record.identifier]);
    }
  }

  /** Whether the image has a record, or another record names it as its parent. */
  has(uuid: string): boolean {
    return this.records.has(uuid) || this.children.has(uuid);
  }

  /** Lists the images from which an image was made, the oldest first, without the image itself. */
  listAncestors(uuid: string): { line: string[]; problems: string[] } {
    const line: string[] = [];
    for (let id = this.findParent(uuid); id !== undefined; id = this.findParent(id)) {
      if (id === uuid || line.includes(id)) {
        return { line, problems: [`the parents of ${uuid} are a circle: ${id} is made from itself`] };
      }
      line.unshift(id);
    }
    return { line, problems: [] };
  }

  /** Lists the images that were made from an image, each before its own children, without those in `known`. */
  listDescendants(uuid: string, known: ReadonlySet<string> = new Set()): string[] {
    const seen = new Set([uuid, ...known]);
    const visit = (id: string): string[] =>
      (this.children.get(id) ?? []).flatMap((child) => {
        if (seen.has(child)) return [];
        seen.add(child);
        return [child, ...visit(child)];
      });
    return visit(uuid);
  }

  findMissingParent(uuid: string): string[] {
    const parent = this.findParent(uuid);
    if (parent === undefined || this.records.has(parent)) return [];
    return [`image ${uuid} was made from ${parent}, of which the store has no record`];
  }

  describe(uuid: string): LineageImage {
    const record = this.records.get(uuid);
    const children = this.children.get(uuid) ?? [];
    if (record === undefined) {
      const unknown = { kind: null, name: '', target: null, provider: null, status: null, parent: null };
      return { identifier: uuid, ...unknown, children, inputs: [], outputs: [] };
    }
    return {
      identifier: uuid,
      kind: findRecordedKind(record.type),
      name: record.name ?? '',
      target: record.target ?? null,
      provider: record.provider ?? null,
      status: record.status ?? null,
      parent: readParent(record) ?? null,
      children,
      inputs: record.inputs ?? [],
      outputs: readOutputs(record),
    };
  }

  private findParent(uuid: string): string | undefined {
    const record = this.records.get(uuid);
    return record === undefined ? undefined : readParent(record)?.id;
  }
}
