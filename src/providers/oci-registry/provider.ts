import { FactoryError } from '../../domain/errors.js';
import { PROVIDER_KINDS } from '../../domain/provider-kinds.js';
import { isMarked, isMarkedAs, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import type { RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import { TOOL } from '../../domain/names.js';
import { retryPart } from '../transfer/retry-part.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Finding, Operation, Provider, PushedImage, StagingObject } from '../types.js';
import { checkAccess, tryOut } from './check.js';
import type { RegistryClient } from './client.js';
import type { RegistryConfiguration } from './configuration.js';
import { type ImageContent, type Manifest, readContent } from './content.js';
import { type FoundManifest, Manifests } from './manifests.js';
import { nameRepository, parseReference } from './names.js';
import { beginNotes, type PushNotes, readNotes, writeNotes } from './notes.js';
import { BlobPush, cancelUpload } from './push-blob.js';
import { removeManifests } from './remove-manifests.js';

const VERIFIED_BY = 'SHA-256 of every blob and manifest, computed by the registry';

/** A registry of the OCI distribution specification. */
export class RegistryProvider implements Provider {
  readonly region = undefined;

  constructor(
    private readonly client: RegistryClient,
    private readonly configuration: RegistryConfiguration,
    /** Bytes of one part of an upload. */
    private readonly partSize: number,
  ) {}

  get account(): string | undefined {
    return this.client.user;
  }

  get location(): string {
    return `${this.client.host}/${this.configuration.repository}`;
  }

  async check(operation: Operation, image?: PushedImage): Promise<Finding[]> {
    // Many registries have no repository with the name of a project alone.
    const example = `${this.configuration.repository}/imagefactory-check`;
    const repository = image === undefined ? example : this.repositoryOf(image);
    const findings = await checkAccess(this.client, operation, repository, image === undefined);
    if (image === undefined || findings.some(({ ok }) => !ok)) return findings;
    const format = await tryOut(operation, `the format ${image.file.format}`, async () => checkFormat(image));
    const tags = await tryOut(operation, `the tags in ${repository}`, () => this.checkTags(operation, image));
    return [...findings, format, tags];
  }

  async find(operation: Operation, image: PushedImage): Promise<RegisteredImage | undefined> {
    const manifests = this.manifestsOf(operation, image);
    const found = await this.findTagged(manifests, image);
    return found === undefined ? undefined : this.describe(manifests, image, found.digest);
  }

  async upload(operation: Operation, image: PushedImage): Promise<UploadedFile> {
    checkFormat(image);
    await this.checkTags(operation, image);
    const content = await readContent(image);
    const repository = this.repositoryOf(image);
    const notes = await beginNotes(operation, this.client.host, repository);
    const total = content.blobs.reduce((sum, { size }) => sum + size, 0);
    const pace = new UploadPace(operation, `uploading ${image.file.name} to ${this.client.host}/${repository}`, total);
    let sent = 0;
    for (const blob of content.blobs) {
      const push = new BlobPush(this.client, operation, notes, blob, pace, this.partSize);
      await push.run();
      sent += push.sent;
    }
    return { ids: { repository }, sent, verifiedBy: VERIFIED_BY };
  }

  async register(operation: Operation, image: PushedImage): Promise<RegisteredImage> {
    const manifests = this.manifestsOf(operation, image);
    // The own tag is put last: where it is, nothing is left to do, and a newer image may have the configured tags.
    const manifest = (await this.findTagged(manifests, image)) ?? (await this.putImage(operation, manifests, image));
    return this.describe(manifests, image, manifest.digest);
  }

  async removeStaging(operation: Operation, uuid: string): Promise<string[]> {
    const notes = await readNotes(operation, this.client.host);
    if (notes === undefined) return [];
    const { repository, uploads } = notes;
    const removed: string[] = [];
    for (const [digest, location] of Object.entries(uploads)) {
      const wasThere =
        this.client.takesUpload(location) && (await cancelUpload(this.client, operation, repository, location));
      if (wasThere) removed.push(`upload of ${digest} to ${this.client.host}/${repository}`);
    }
    removed.push(...(await this.removeUntagged(operation, notes, uuid)));
    await writeNotes(operation, { ...notes, uploads: {}, manifests: [] });
    return removed;
  }

  async delete(operation: Operation, registered: RegisteredImage): Promise<string[]> {
    const reference = parseReference(registered.id);
    const uuid = registered.resources.find(({ kind }) => kind === 'tag')?.id;
    if (reference === undefined || reference.host !== this.client.host || uuid === undefined) {
      throw new FactoryError('InvalidParameter', `${registered.id} is no image of registry ${this.client.host}`);
    }
    const documents = registered.resources.filter(({ kind }) => kind === 'document').map(({ id }) => id);
    const { repository, digest } = reference;
    const manifests = new Manifests(this.client, repository, operation.signal);
    return removeManifests(manifests, `${this.client.host}/${repository}`, uuid, [digest, ...documents]);
  }

  /** Nothing: a registry lists no uploads, and removes old ones itself. `removeStaging` ends those that are noted. */
  async listStaging(): Promise<StagingObject[]> {
    return [];
  }

  close(): Promise<void> {
    return this.client.close();
  }

  private repositoryOf({ name }: PushedImage): string {
    return nameRepository(this.client.host, this.configuration.repository, name);
  }

  private manifestsOf({ signal }: Operation, image: PushedImage): Manifests {
    return new Manifests(this.client, this.repositoryOf(image), signal);
  }

  /** Finds the manifest under the image's own tag. @throws FactoryError Conflict when the tag is another image's */
  private async findTagged(manifests: Manifests, image: PushedImage): Promise<FoundManifest | undefined> {
    const found = await manifests.get(image.uuid);
    if (found === undefined || isMarkedAs(found.annotations, image)) return found;
    throw new FactoryError(
      'Conflict',
      `the tag ${image.uuid} in ${this.client.host}/${manifests.repository} belongs to another image (${found.digest})`,
      { hint: 'nothing was changed: delete that image in the registry, or push from a new image' },
    );
  }

  /** Checks before an upload that no tag is somebody else's. */
  private async checkTags(operation: Operation, image: PushedImage): Promise<void> {
    const manifests = this.manifestsOf(operation, image);
    await this.findTagged(manifests, image);
    for (const tag of this.configuration.tags) this.checkMoving(manifests, tag, await manifests.get(tag));
  }

  /** A tag that moves must be free, or be that of another image of this program. */
  private checkMoving({ repository }: Manifests, tag: string, found: FoundManifest | undefined): void {
    if (found === undefined || found.annotations[PROVIDER_KEYS.tool] === TOOL) return;
    throw new FactoryError(
      'Conflict',
      `the tag ${tag} in ${this.client.host}/${repository} belongs to an image that was not pushed by ${TOOL}`,
      { hint: 'choose another tag in `tags` of the provider, or delete that tag in the registry' },
    );
  }

  /**
   * Puts the manifests by their digests, then moves the configured tags, and at last puts the image's own tag: who sees
   * that one sees all.
   */
  private async putImage(operation: Operation, manifests: Manifests, image: PushedImage): Promise<Manifest> {
    operation.report({ message: `tagging ${this.client.host}/${manifests.repository}:${image.uuid}` });
    const content = await readContent(image);
    const notes = await beginNotes(operation, this.client.host, manifests.repository);
    const manifest = content.describe(notes.creator);
    const documents = content.describeDocuments(manifest, notes.creator);
    notes.manifests = [manifest.digest, ...documents.map(({ digest }) => digest)];
    await writeNotes(operation, notes);
    await this.putManifest(operation, notes, manifests, content, manifest);
    const unlisted: Manifest[] = [];
    for (const document of documents) {
      const { listsReferrers } = await this.putManifest(operation, notes, manifests, content, document);
      if (!listsReferrers) unlisted.push(document);
    }
    await retryPart(operation, () => manifests.addReferrers(manifest.digest, unlisted));
    for (const tag of this.configuration.tags) {
      const found = await retryPart(operation, () => manifests.get(tag));
      if (found?.digest === manifest.digest) continue;
      this.checkMoving(manifests, tag, found);
      await this.putManifest(operation, notes, manifests, content, manifest, tag);
    }
    await this.putManifest(operation, notes, manifests, content, manifest, image.uuid);
    await writeNotes(operation, { ...notes, manifests: [] });
    return manifest;
  }

  /** Puts a manifest. A registry may have removed blobs meanwhile that no manifest named: those are pushed again. */
  private async putManifest(
    operation: Operation,
    notes: PushNotes,
    manifests: Manifests,
    content: ImageContent,
    manifest: Manifest,
    reference = manifest.digest,
  ): Promise<{ listsReferrers: boolean }> {
    const put = (): ReturnType<Manifests['put']> => retryPart(operation, () => manifests.put(manifest, reference));
    const first = await put();
    if (first.missing.length === 0) return first;
    for (const blob of content.blobs.filter(({ digest }) => first.missing.includes(digest))) {
      const pace = new UploadPace(operation, `uploading ${blob.title} again`, blob.size);
      await new BlobPush(this.client, operation, notes, blob, pace, this.partSize).run(true);
    }
    const second = await put();
    if (second.missing.length === 0) return second;
    throw new FactoryError('CloudUnavailable', `registry ${this.client.host} has lost what was pushed to it`, {
      retryable: true,
      hint: 'its garbage collection must not run while images are pushed',
    });
  }

  /** Removes manifests that were put for an image which never got its tag. */
  private async removeUntagged(operation: Operation, notes: PushNotes, uuid: string): Promise<string[]> {
    const { repository, manifests: digests } = notes;
    if (digests.length === 0) return [];
    const manifests = new Manifests(this.client, repository, operation.signal);
    if ((await manifests.get(uuid)) !== undefined) return [];
    // The push may have moved a configured tag before it was canceled. Without its manifest, that tag would be gone.
    for (const tag of this.configuration.tags) {
      if (digests.includes((await manifests.get(tag))?.digest ?? '')) return [];
    }
    try {
      return await removeManifests(manifests, `${this.client.host}/${repository}`, uuid, digests);
    } catch (error) {
      // Where nothing may be deleted, the registry's garbage collection removes what has no tag.
      if (error instanceof FactoryError && error.type === 'Forbidden') return [];
      throw error;
    }
  }

  private async describe(manifests: Manifests, { uuid }: PushedImage, digest: string): Promise<RegisteredImage> {
    const { repository } = manifests;
    const referrers = await manifests.listReferrers(digest);
    const documents = referrers.filter(({ annotations }) => isMarked(annotations ?? {}, uuid));
    return {
      id: `${this.client.host}/${repository}@${digest}`,
      location: new URL(`/v2/${repository}/manifests/${uuid}`, this.configuration.endpoint).href,
      ...(this.account === undefined ? {} : { account: this.account }),
      resources: [
        { kind: 'tag', id: uuid },
        ...documents.map((document) => ({ kind: 'document', id: document.digest })),
      ],
      verifiedBy: VERIFIED_BY,
    };
  }
}

/** @throws FactoryError InvalidParameter when registries do not take the format */
function checkFormat({ file: { format } }: PushedImage): void {
  const { formats } = PROVIDER_KINDS.registry;
  if (formats.includes(format)) return;
  throw new FactoryError('InvalidParameter', `a registry does not take the format ${format}`, {
    hint: `push a target of one of these formats: ${formats.join(', ')}`,
  });
}
