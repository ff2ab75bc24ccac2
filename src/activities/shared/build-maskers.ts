import { createHash } from 'node:crypto';
import type { BaseImageInput } from '../../domain/base-image-input.js';
import { findCredentials, listSecrets } from './credentials.js';
import type { BuildRef } from '../../domain/names.js';
import { createBlindMasker, createMasker, type Masker } from '../../planning/masker.js';
import { createBuildMasker, findDocumentSecrets, type SecretSources } from '../../planning/secrets.js';
import type { SealedCredentials } from '../../domain/sealed-credentials.js';
import type { ProviderChoice } from '../../domain/provider-image-input.js';
import type { Store } from '../../store/types.js';

/** The members of an activity's input that say where the secrets of its build are. */
export interface BuildInput {
  ref?: BuildRef;
  /** UUID under which the store keeps the documents of the JEOS, or of the build. The plan has written them. */
  documentsId?: string;
  /** Credentials that the user has given, where there is no input of a build: those of a deletion. */
  credentials?: SealedCredentials;
  /**
   * Input of the build. Only the activities that plan the build have it, because the store has no documents of the
   * build yet. The input of a target image has no template; its only secrets are in parameter `target_content`. The
   * input of a provider image may have encrypted credentials.
   */
  input?: Partial<Pick<BaseImageInput, 'template'>> & {
    parameters: object;
    provider?: Pick<ProviderChoice, 'credentials'>;
  };
}

/**
 * Maximum number of maskers that we keep. This is enough, because a worker runs the activities of only a few builds at
 * one time.
 */
const MOST_KEPT = 64;

/**
 * Why nothing is shown when the store has no documents of the JEOS that `documentsId` names. Builds write them before
 * the installer run starts, so somebody has deleted them, and their secrets are not known any more. The documents of a
 * build itself are different: it has none, and no secrets, until its plan has written them.
 */
const DOCUMENTS_GONE = 'the documents with the passwords to mask are not in the store any more';

/**
 * The maskers of the builds whose activities run on this worker. Creates the masker of a build again only when the
 * documents of the build have changed.
 */
export class BuildMaskers {
  private readonly kept = new Map<string, Masker>();

  constructor(readonly store: Pick<Store, 'readDocument'>) {}

  /**
   * Returns the masker for an activity with this input. Never throws: if it cannot read the documents, it returns a
   * masker that hides all texts.
   */
  async load({ ref, documentsId, input, credentials: own }: BuildInput): Promise<Masker> {
    try {
      const uuids = new Set([ref?.uuid, documentsId].filter((uuid) => uuid !== undefined));
      const stored = new Map<string, SecretSources>();
      for (const uuid of uuids) stored.set(uuid, await this.readSources(uuid));
      const shared = documentsId === undefined || documentsId === ref?.uuid ? undefined : stored.get(documentsId);
      if (shared !== undefined && !hasText(shared)) return createBlindMasker(DOCUMENTS_GONE);
      const given =
        input === undefined ? [] : [{ template: input.template ?? '', parameters: { ...input.parameters } }];
      const credentials = listSecrets(await findCredentials(this, input?.provider?.credentials ?? own));
      return this.find([...given, ...stored.values()].filter(hasText), credentials);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return createBlindMasker(`this worker cannot read the passwords that it has to mask: ${why}`);
    }
  }

  private find(sources: SecretSources[], credentials: string[]): Masker {
    const digest = createHash('sha256')
      .update(JSON.stringify([sources, credentials]))
      .digest('hex');
    const masker = this.kept.get(digest) ?? makeMasker(sources, credentials);
    // Moves the masker to the end of the map. So the first masker of the map is always the one that was used longest
    // ago.
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
    // The only secrets in the other parameters are passwords in URLs. The search finds such passwords in any text, so
    // we pass the JSON text of all parameters.
    return { template: template ?? '', parameters: { install_script: script ?? '', others: parameters ?? '' } };
  }
}

function hasText({ template, parameters }: SecretSources): boolean {
  return template !== '' || Object.values(parameters).some((value) => value !== '');
}

function makeMasker(sources: SecretSources[], credentials: string[]): Masker {
  return sources.length === 0 && credentials.length === 0
    ? createMasker([])
    : createBuildMasker([...new Set([...sources.flatMap(findDocumentSecrets), ...credentials])]);
}
