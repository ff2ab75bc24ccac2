import { FactoryError } from '../../domain/errors.js';
import type { RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import type { Finding, Operation, Provider, PushedImage, StagingObject } from '../types.js';
import {
  describeImage,
  describeRegistered,
  documentOf,
  filesOf,
  formatDocument,
  type ImageDocument,
  INDEX,
  isImageFolder,
  parseImageDocument,
  requireOwnDocument,
} from './image-document.js';
import { addToIndex, removeFromIndex } from './image-index.js';
import type { Place } from './place.js';
import { tryOut } from './try-out.js';
import { addToCatalogue, catalogueOf, removeFromCatalogue } from './vagrant-catalogue.js';

/** How often the document of a push is written and read before we give up. */
const TRIES = 5;
/** Milliseconds of the first pause between two tries. The next ones are longer. */
const PAUSE = 200;
/** What the record says where the index cannot be changed safely. */
const NOT_LISTED = `not listed in ${INDEX}: the server holds no conditions of writes`;

/**
 * Puts the file of an image into a folder, a bucket or a web server: `UUID/FILE`, with `UUID/SHA256SUMS` and
 * `UUID/image.json` beside it, and lists it in `index.json`, boxes of Vagrant also in `vagrant/BOX/metadata.json`.
 *
 * `image.json` is written first and removed last. It says whether the push is complete.
 */
export class FilesProvider implements Provider {
  readonly account = undefined;
  readonly region: string | undefined;
  readonly location: string;

  constructor(private readonly place: Place) {
    this.region = place.region;
    this.location = place.location;
  }

  async check(operation: Operation, image?: PushedImage): Promise<Finding[]> {
    const findings = await this.place.check(operation, image);
    if (image === undefined || findings.some(({ ok }) => !ok)) return findings;
    return [...findings, await tryOut(`the name ${image.uuid}/`, () => this.readOwn(operation, image))];
  }

  async find(operation: Operation, image: PushedImage): Promise<RegisteredImage | undefined> {
    const document = await this.readOwn(operation, image);
    if (document?.state !== 'complete') return undefined;
    const size = await this.place.measure(operation, filesOf(image.uuid, document.file).file);
    return size === document.size ? describeRegistered(document, image.uuid, this.place) : undefined;
  }

  async upload(operation: Operation, image: PushedImage): Promise<UploadedFile> {
    const { file, marks } = await this.begin(operation, image);
    const name = filesOf(image.uuid, file).file;
    const { sent, verifiedBy } = await this.place.upload(operation, image, name, marks);
    return { ids: { file: `${this.place.url}/${name}` }, sent, verifiedBy };
  }

  /** Writes the document of the image before anything else, or finds the one that an earlier attempt has written. */
  private async begin(operation: Operation, image: PushedImage): Promise<ImageDocument> {
    const document = describeImage(image, operation.creator, new Date());
    const name = documentOf(image.uuid);
    for (let tries = 0; tries < TRIES; tries++) {
      if (tries > 0) await operation.sleep(PAUSE * tries);
      const present = await this.readOwn(operation, image);
      if (present !== undefined) return present;
      await this.place.write(operation, name, formatDocument(document), 'absent', document.marks);
    }
    const present = await this.readOwn(operation, image);
    if (present !== undefined) return present;
    throw new FactoryError('Conflict', `${this.place.url}/${name} cannot be read after it was written`, {
      retryable: true,
      hint: 'the server says that it is there, and that it is not: check its permissions and its caches',
    });
  }

  async register(operation: Operation, image: PushedImage, uploaded: UploadedFile): Promise<RegisteredImage> {
    const { place } = this;
    const document = await this.begin(operation, image);
    // An attempt that died, or a removal, may have left a document that says `complete` without the rest.
    const names = filesOf(image.uuid, document.file);
    const sums = `${document.sha256}  ${document.file}\n`;
    await place.write(operation, names.checksums, sums, 'always', document.marks);
    const catalogue = catalogueOf(document);
    const isShared = await place.canUpdate(operation, names.image);
    if (isShared) await this.list(operation, image.uuid, document);
    const complete: ImageDocument = {
      ...document,
      state: 'complete',
      verified_by: isShared ? uploaded.verifiedBy : `${uploaded.verifiedBy}; ${NOT_LISTED}`,
      ...(catalogue === undefined || !isShared ? {} : { catalogue }),
    };
    await place.write(operation, names.image, formatDocument(complete), 'always', document.marks);
    return describeRegistered(complete, image.uuid, place);
  }

  private async list(operation: Operation, uuid: string, document: ImageDocument): Promise<void> {
    const { place } = this;
    const catalogue = catalogueOf(document);
    if (catalogue !== undefined) {
      const boxUrl = this.publicUrlOf(uuid, document);
      const add = (text?: string): string => addToCatalogue(text, document, boxUrl, `${place.url}/${catalogue}`);
      await place.update(operation, catalogue, add, document.marks);
    }
    const add = (text?: string): string => addToIndex(text, uuid, document, place, `${place.url}/${INDEX}`);
    await place.update(operation, INDEX, add, document.marks);
  }

  private async unlist(operation: Operation, uuid: string, document: ImageDocument): Promise<void> {
    const { place } = this;
    // Neither document can have the image where both cannot be changed safely.
    if (!(await place.canUpdate(operation, documentOf(uuid)))) return;
    const catalogue = catalogueOf(document);
    if (catalogue !== undefined) {
      const boxUrl = this.publicUrlOf(uuid, document);
      const remove = (text?: string): string | undefined =>
        removeFromCatalogue(text, boxUrl, `${place.url}/${catalogue}`);
      await place.update(operation, catalogue, remove, document.marks);
    }
    const remove = (text?: string): string | undefined => removeFromIndex(text, uuid, `${place.url}/${INDEX}`);
    await place.update(operation, INDEX, remove, document.marks);
  }

  private publicUrlOf(uuid: string, { file }: ImageDocument): string {
    return `${this.place.publicUrl}/${filesOf(uuid, file).file}`;
  }

  async removeStaging(operation: Operation, uuid: string): Promise<string[]> {
    const document = await this.readMarked(operation, uuid);
    if (document === undefined) return isImageFolder(uuid) ? this.place.removeProbe(operation, uuid) : [];
    if (document.state === 'uploading') return this.removeAll(operation, uuid, document);
    return this.place.removeUnfinished(operation, filesOf(uuid, document.file).file);
  }

  async delete(operation: Operation, registered: RegisteredImage): Promise<string[]> {
    const prefix = `${this.place.url}/`;
    const [uuid = ''] = registered.id.slice(prefix.length).split('/');
    if (!registered.id.startsWith(prefix) || !isImageFolder(uuid)) {
      throw new FactoryError('InvalidParameter', `${registered.id} is not an image in ${this.location}`, {
        hint: 'the provider’s `url` must be the one with which the image was pushed',
      });
    }
    const document = await this.readMarked(operation, uuid);
    return document === undefined ? [] : this.removeAll(operation, uuid, document);
  }

  /** Removes an image: from the lists first, so that nobody reads of a file that is gone, and its document last. */
  private async removeAll(operation: Operation, uuid: string, document: ImageDocument): Promise<string[]> {
    const { place } = this;
    const names = filesOf(uuid, document.file);
    // Where the removal stops in its middle, the next push must not take the image for complete.
    const begun: ImageDocument = { ...document, state: 'uploading' };
    if (document.state === 'complete')
      await place.write(operation, names.image, formatDocument(begun), 'always', document.marks);
    await this.unlist(operation, uuid, document);
    const removed = await place.removeUnfinished(operation, names.file);
    for (const name of [names.file, names.checksums, names.image]) {
      if (await place.remove(operation, name)) removed.push(`${place.url}/${name}`);
    }
    await place.removeFolder(operation, uuid);
    return removed;
  }

  async listStaging(operation: Operation): Promise<StagingObject[]> {
    const found = await this.place.listProbes(operation);
    for (const uuid of (await this.place.listFolders(operation)).filter(isImageFolder)) {
      const document = await this.readMarked(operation, uuid);
      if (document === undefined) continue;
      const unfinished = await this.place.listUnfinished(operation, uuid, document.file);
      found.push(...unfinished.map((object) => ({ uuid, ...object })));
      if (document.state === 'complete') continue;
      const name = filesOf(uuid, document.file).file;
      found.push({
        uuid,
        kind: 'unfinished push',
        id: `${this.place.url}/${name}`,
        createdAt: Date.parse(document.created_at),
        size: await this.place.measure(operation, name),
      });
    }
    return found;
  }

  close(): Promise<void> {
    return this.place.close();
  }

  private async readOwn(operation: Operation, image: PushedImage): Promise<ImageDocument | undefined> {
    const name = documentOf(image.uuid);
    const present = await this.place.read(operation, name);
    return present === undefined ? undefined : requireOwnDocument(present.text, image, `${this.place.url}/${name}`);
  }

  /** Reads the document of an image that carries our marks. What does not is not ours: it is left as it is. */
  private async readMarked(operation: Operation, uuid: string): Promise<ImageDocument | undefined> {
    const present = await this.place.read(operation, documentOf(uuid));
    return present === undefined ? undefined : parseImageDocument(present.text, uuid);
  }
}
