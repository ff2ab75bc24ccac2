import { createHash } from 'node:crypto';
import type { BaseImageInput } from '../../domain/base-image-input.js';
import type { BuildRef } from '../../domain/names.js';
import { createBlindMasker, createMasker, type Masker } from '../../planning/masker.js';
import { createBuildMasker, findDocumentSecrets, type SecretSources } from '../../planning/secrets.js';
import type { Store } from '../../store/types.js';

/** The members of an activity's input that say where the secrets of its build are. */
export interface BuildInput {
  ref?: BuildRef;
  /** UUID under which the store keeps the documents of the JEOS. */
  documentsId?: string;
  /** The input of the build. Only the activities that make the plan have it, before there are documents. */
  input?: BaseImageInput;
}

/** How many maskers we keep. A worker runs the activities of a few builds at a time. */
const MOST_KEPT = 64;

/**
 * The maskers of the builds whose activities run on this worker. A masker is made again only when the documents of its
 * build have changed.
 */
export class BuildMaskers {
  private readonly kept = new Map<string, Masker>();

  constructor(private readonly store: Pick<Store, 'readDocument'>) {}

  /** Returns the masker for an activity, by its input. Never throws: without the documents, the masker hides all. */
  async load({ ref, documentsId, input }: BuildInput): Promise<Masker> {
    try {
      const uuids = [ref?.uuid, documentsId].filter((uuid) => uuid !== undefined);
      const stored = await Promise.all([...new Set(uuids)].map((uuid) => this.readSources(uuid)));
      const given = input === undefined ? [] : [{ template: input.template, parameters: { ...input.parameters } }];
      return this.find([...given, ...stored].filter(hasText));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return createBlindMasker(`this worker cannot read the passwords that it has to mask: ${why}`);
    }
  }

  private find(sources: SecretSources[]): Masker {
    const digest = createHash('sha256').update(JSON.stringify(sources)).digest('hex');
    const masker = this.kept.get(digest) ?? makeMasker(sources);
    // Puts the masker at the end, so that the first one of the map is the one that was used longest ago.
    this.kept.delete(digest);
    this.kept.set(digest, masker);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MOST_KEPT && oldest !== undefined) this.kept.delete(oldest);
    return masker;
  }

  private async readSources(uuid: string): Promise<SecretSources> {
    const [template, script, parameters] = await Promise.all(
      ['template.tdl', 'install_script', 'parameters.json'].map(async (name) =>
        (await this.store.readDocument(uuid, name))?.toString('utf8'),
      ),
    );
    // Only the addresses in the other parameters matter, and they are found in any text.
    return { template: template ?? '', parameters: { install_script: script ?? '', others: parameters ?? '' } };
  }
}

function hasText({ template, parameters }: SecretSources): boolean {
  return template !== '' || Object.values(parameters).some((value) => value !== '');
}

function makeMasker(sources: SecretSources[]): Masker {
  return sources.length === 0
    ? createMasker([])
    : createBuildMasker([...new Set(sources.flatMap(findDocumentSecrets))]);
}
