import { createHash } from 'node:crypto';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { nameDigest } from '../../formats/archive/oci.js';
import { errorCodes, headerOf, type RegistryClient } from './client.js';
import { type Manifest, MEDIA_TYPES, makeManifest } from './content.js';
import { referrersTag } from './names.js';

const ACCEPT = [
  MEDIA_TYPES.manifest,
  MEDIA_TYPES.index,
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

const ANNOTATED = z.object({ annotations: z.record(z.string(), z.string()).nullish() });
const REFERRER = z.looseObject({
  digest: z.string(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
const REFERRERS = z.looseObject({ manifests: z.array(REFERRER) });
const DESCRIBED = z.object({
  artifactType: z.string(),
  annotations: z.record(z.string(), z.string()),
});

type Referrer = z.output<typeof REFERRER>;

/** Tries to add to a list of referrers that others write at the same time. */
const LIST_TRIES = 5;

/** A manifest in the registry. */
export interface FoundManifest extends Manifest {
  /** Empty when it has none, or is of a kind without any. */
  annotations: Readonly<Record<string, string>>;
}

/** The manifests of one repository. */
export class Manifests {
  constructor(
    private readonly client: RegistryClient,
    readonly repository: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Gets the manifest of a tag or a digest. Undefined when there is none. */
  async get(reference: string): Promise<FoundManifest | undefined> {
    const headers = { accept: ACCEPT };
    const answer = await this.call({ method: 'GET', to: `manifests/${reference}`, headers }, [404]);
    if (answer.status === 404) return undefined;
    const digest = nameDigest(createHash('sha256').update(answer.body));
    if (reference.startsWith('sha256:') && digest !== reference) {
      throw new FactoryError('ImageFailed', `registry ${this.client.host} has another manifest as ${reference}`);
    }
    const mediaType = (headerOf(answer, 'content-type') ?? '').split(';')[0]?.trim() || MEDIA_TYPES.manifest;
    return { digest, mediaType, annotations: readAnnotations(answer.body), text: answer.body };
  }

  /**
   * Puts a manifest under its digest or a tag.
   *
   * @returns the digests of blobs that the registry misses; empty when it has the manifest. And whether the registry
   *   keeps the lists of referrers itself
   */
  async put(manifest: Manifest, reference = manifest.digest): Promise<{ missing: string[]; listsReferrers: boolean }> {
    const { mediaType, text, digest } = manifest;
    const headers = { 'content-type': mediaType };
    const answer = await this.call({ method: 'PUT', to: `manifests/${reference}`, headers, body: text }, [400, 404]);
    if (answer.status >= 400) {
      if (!errorCodes(answer.body).includes('MANIFEST_BLOB_UNKNOWN')) throw this.refused(manifest, answer);
      const named = [...text.matchAll(/sha256:[0-9a-f]{64}/g)].map(([found]) => found);
      const missing = named.filter((found) => answer.body.includes(found));
      return { missing: missing.length > 0 ? missing : named, listsReferrers: false };
    }
    const stored = headerOf(answer, 'docker-content-digest');
    if (stored !== undefined && stored !== digest) {
      throw new FactoryError('ImageFailed', `registry ${this.client.host} has stored another manifest than was sent`);
    }
    return { missing: [], listsReferrers: headerOf(answer, 'oci-subject') !== undefined };
  }

  /** Removes a manifest. @returns whether it was there */
  async delete(digest: string): Promise<boolean> {
    const answer = await this.call({ method: 'DELETE', to: `manifests/${digest}` }, [400, 404, 405]);
    if (answer.status < 300) return true;
    if (answer.status === 404) return false;
    throw new FactoryError('Forbidden', `registry ${this.client.host} does not allow to delete (${answer.status})`, {
      status: answer.status,
      hint: 'let the registry’s operators allow it (REGISTRY_STORAGE_DELETE_ENABLED=true), or delete the image there',
    });
  }

  /** Lists the manifests that refer to a manifest. */
  async listReferrers(digest: string): Promise<Referrer[]> {
    const headers = { accept: MEDIA_TYPES.index };
    const answer = await this.call({ method: 'GET', to: `referrers/${digest}`, headers }, [400, 404, 405]);
    const list = answer.status < 300 ? REFERRERS.safeParse(parseJson(answer.body)) : undefined;
    return list?.success === true ? list.data.manifests : ((await this.readList(digest)) ?? []);
  }

  /** Adds manifests to the list of those that refer to a manifest, where the registry keeps no list itself. */
  async addReferrers(subject: string, documents: readonly Manifest[]): Promise<void> {
    const entries = documents.map(({ mediaType, digest, text }) => {
      const { artifactType, annotations } = DESCRIBED.parse(JSON.parse(text));
      return { mediaType, digest, size: Buffer.byteLength(text), artifactType, annotations };
    });
    for (let tries = 1; ; tries++) {
      const list = (await this.readList(subject)) ?? [];
      const missing = entries.filter(({ digest }) => !list.some((known) => known.digest === digest));
      if (missing.length === 0) return;
      if (tries > LIST_TRIES) break;
      await this.put(makeManifest({ manifests: [...list, ...missing] }, MEDIA_TYPES.index), referrersTag(subject));
    }
    throw new FactoryError('CloudUnavailable', 'others change the list of referrers all the time', { retryable: true });
  }

  /** Takes manifests out of the list of those that refer to a manifest, and removes a list that has no others. */
  async removeReferrers(subject: string, digests: readonly string[]): Promise<void> {
    const list = await this.readList(subject);
    if (list === undefined) return;
    const kept = list.filter(({ digest }) => !digests.includes(digest));
    const tag = referrersTag(subject);
    if (kept.length > 0) {
      if (kept.length < list.length) await this.put(makeManifest({ manifests: kept }, MEDIA_TYPES.index), tag);
      return;
    }
    const found = await this.get(tag);
    if (found !== undefined) await this.delete(found.digest);
  }

  private async readList(subject: string): Promise<Referrer[] | undefined> {
    const found = await this.get(referrersTag(subject));
    if (found === undefined) return undefined;
    const list = REFERRERS.safeParse(parseJson(found.text));
    if (list.success) return list.data.manifests;
    throw new FactoryError('Conflict', `the tag ${referrersTag(subject)} is no list of referrers`, {
      hint: 'delete that tag: the OCI specification keeps its name for such lists',
    });
  }

  private refused({ text }: Manifest, answer: { status: number; body: string }): FactoryError {
    const codes = errorCodes(answer.body).join(', ') || 'no reason';
    const isArtifact = text.includes('"artifactType"');
    return new FactoryError(
      'ImageFailed',
      `registry ${this.client.host} refuses the manifest (${answer.status}: ${codes})`,
      {
        status: answer.status,
        hint: isArtifact
          ? 'registries that take container images only take the targets oci and containerdisk'
          : undefined,
      },
    );
  }

  private call(
    call: Omit<Parameters<RegistryClient['send']>[0], 'repository' | 'signal'>,
    accept: readonly number[],
  ): ReturnType<RegistryClient['send']> {
    return this.client.send({ ...call, repository: this.repository, signal: this.signal }, accept);
  }
}

function readAnnotations(text: string): Record<string, string> {
  const parsed = ANNOTATED.safeParse(parseJson(text));
  return parsed.success ? (parsed.data.annotations ?? {}) : {};
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
