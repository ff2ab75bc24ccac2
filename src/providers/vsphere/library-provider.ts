import { randomUUID } from 'node:crypto';
import { FactoryError } from '../../domain/errors.js';
import type { RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import { isMarked, isMarkedAs, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import { TOOL } from '../../domain/names.js';
import { deriveUuid } from '../../planning/derive-uuid.js';
import { runConcurrently } from '../transfer/run-concurrently.js';
import type { Finding, Operation, Provider, PushedImage, StagingObject } from '../types.js';
import { checkImage, Trials } from './check-image.js';
import { changeState, readMarks, readState, writeDescription } from './description.js';
import { nameOfImage } from './item-name.js';
import type { Library, LibraryApi, LibraryItem } from './library-api.js';
import { type Ova, readOva } from './ova-parts.js';
import { uploadToLibrary } from './upload-to-library.js';
import type { VapiClient } from './vapi-client.js';

/** Items of which one push may be the maker, one after the other: each earlier one was deleted. */
const ITEMS = 100;
/** Calls at the same time when all items of a library are read. */
const READERS = 8;
const VERIFIED = 'vCenter compared size and SHA-256 of each file when it received it';

/** Pushes to a content library of vCenter: the image is an item of the type `ovf`. */
export class LibraryProvider implements Provider {
  readonly account = undefined;
  readonly region = undefined;
  readonly location: string;
  private library: Library | undefined;

  constructor(
    private readonly api: LibraryApi,
    private readonly vapi: VapiClient,
    /** Name or id of the library. */
    private readonly wanted: string,
    private readonly closeConnections: () => Promise<void>,
  ) {
    this.location = `vCenter ${new URL(vapi.server).host}, content library ${wanted}`;
  }

  async check(operation: Operation, image?: PushedImage): Promise<Finding[]> {
    const trials = new Trials(operation, image !== undefined);
    let library: Library | undefined;
    const what = `log in, and find the content library ${this.wanted}`;
    await trials.try(what, async () => (library = await this.findLibrary(operation)));
    if (library === undefined) return trials.findings;
    await this.tryItem(operation, library, trials);
    if (image === undefined) return trials.findings;
    await trials.try(`name ${nameOfImage(image)}`, () => this.findItem(operation, image));
    const [backing] = library.storage_backings;
    const free = backing?.datastore_id && (await this.api.getFreeSpace(operation, backing.datastore_id));
    await checkImage(trials, image, free || undefined);
    return trials.findings;
  }

  /** Makes an empty item, opens an upload to it, and removes both: vCenter tells of no permission that is not used. */
  private async tryItem(operation: Operation, library: Library, trials: Trials): Promise<void> {
    const uuid = randomUUID();
    const image = { uuid, file: { sha512: '0'.repeat(32) } };
    const name = `imagefactory-check-${uuid}`;
    const description = writeDescription(image, operation.creator, 'uploading');
    let item: string | undefined;
    await trials.try('make items (ContentLibrary.AddLibraryItem)', async () => {
      item = await this.api.createItem(operation, { library: library.id, name, description, clientToken: uuid });
    });
    if (item === undefined) return;
    const id = item;
    await trials.try('upload files (ContentLibrary.UpdateSession)', () =>
      this.api.createSession(operation, id, deriveUuid(uuid)),
    );
    await trials.try('describe items (ContentLibrary.UpdateLibraryItem)', () =>
      this.api.describeItem(operation, id, description),
    );
    const isRemoved = await trials.try('delete items (ContentLibrary.DeleteLibraryItem)', () =>
      this.removeItem(operation, id),
    );
    const last = trials.findings.at(-1);
    if (!isRemoved && last !== undefined) last.message += `; the empty item ${name} remains: delete it`;
  }

  async find(operation: Operation, image: PushedImage): Promise<RegisteredImage | undefined> {
    const item = await this.findItem(operation, image);
    return item !== undefined && readState(item.description) === 'registered' ? this.toRegistered(item) : undefined;
  }

  async upload(operation: Operation, image: PushedImage): Promise<UploadedFile> {
    const ova = await readOva(image.file.path);
    const { api, vapi } = this;
    const item = (await this.findItem(operation, image)) ?? (await this.createItem(operation, image));
    let sent = 0;
    if (!(await this.hasFiles(operation, item, ova))) {
      sent = await uploadToLibrary({ api, vapi, operation, image, ova, item });
      if (!(await this.hasFiles(operation, item, ova))) throw missingFilesError(item);
    }
    return { ids: { item: item.id }, sent, verifiedBy: VERIFIED };
  }

  async register(operation: Operation, image: PushedImage, uploaded: UploadedFile): Promise<RegisteredImage> {
    const item = await this.api.getItem(operation, uploaded.ids['item'] ?? '');
    if (item === undefined) throw new FactoryError('NotFound', 'the uploaded item is no longer in the content library');
    if (!isMarkedAs(readMarks(item.description), image)) throw foreignItemError(item.name);
    if (readState(item.description) !== 'registered') {
      await this.api.describeItem(operation, item.id, changeState(item.description, 'registered'));
    }
    return this.toRegistered(item);
  }

  async removeStaging(operation: Operation, uuid: string): Promise<string[]> {
    const removed: string[] = [];
    for (const { id, name } of await this.listUnfinished(operation, (marks) => isMarked(marks, uuid))) {
      await this.removeItem(operation, id);
      removed.push(`item ${name} of the content library`);
    }
    return removed;
  }

  async delete(operation: Operation, registered: RegisteredImage): Promise<string[]> {
    const item = await this.api.getItem(operation, registered.id);
    if (item === undefined) return [];
    if (readMarks(item.description)[PROVIDER_KEYS.tool] !== TOOL) throw foreignItemError(item.name);
    await this.api.deleteItem(operation, item.id);
    return [`item ${item.name} of the content library`];
  }

  async listStaging(operation: Operation): Promise<StagingObject[]> {
    const items = await this.listUnfinished(operation, (marks) => marks[PROVIDER_KEYS.tool] === TOOL);
    return items.flatMap(({ id, description, creation_time: created, size }) => {
      const uuid = readMarks(description)[PROVIDER_KEYS.image];
      const createdAt = created === undefined ? undefined : Date.parse(created);
      return uuid === undefined ? [] : [{ uuid, kind: 'item of the content library', id, createdAt, size }];
    });
  }

  async close(): Promise<void> {
    await this.vapi.logout();
    await this.closeConnections();
  }

  private async findLibrary(operation: Operation): Promise<Library> {
    this.library ??= await this.readLibrary(operation);
    return this.library;
  }

  private async readLibrary(operation: Operation): Promise<Library> {
    const [found, ...others] = await this.api.findLibraries(operation, this.wanted);
    if (others.length > 0) {
      throw new FactoryError('InvalidParameter', `there are several content libraries with the name ${this.wanted}`, {
        hint: 'write the id of the library into the configuration of the provider',
      });
    }
    const library = await this.api.getLibrary(operation, found ?? this.wanted);
    if (library === undefined) {
      throw new FactoryError('NotFound', `there is no content library ${this.wanted}`, {
        hint: 'check the name, and that the user may see it: content libraries take global permissions, or their own',
      });
    }
    if (library.type === 'LOCAL') return library;
    throw new FactoryError('InvalidParameter', `the content library ${this.wanted} is ${library.type}, not LOCAL`, {
      hint: 'push to the library that this one subscribes to',
    });
  }

  /** @throws FactoryError Conflict when somebody else's item has the name of the image */
  private async findItem(operation: Operation, image: PushedImage): Promise<LibraryItem | undefined> {
    const { id: library } = await this.findLibrary(operation);
    for (const id of await this.api.findItems(operation, library, nameOfImage(image))) {
      const item = await this.api.getItem(operation, id);
      if (item === undefined) continue;
      if (!isMarkedAs(readMarks(item.description), image)) throw foreignItemError(item.name);
      return item;
    }
    return undefined;
  }

  private async createItem(operation: Operation, image: PushedImage): Promise<LibraryItem> {
    const { id: library } = await this.findLibrary(operation);
    const name = nameOfImage(image);
    const description = writeDescription(image, operation.creator, 'uploading');
    for (let number = 0; number < ITEMS; number++) {
      const clientToken = deriveUuid(`vsphere:item:${library}:${image.uuid}:${image.file.sha512}:${number}`);
      const id = await this.createItemOnce(operation, image, { library, name, description, clientToken });
      const item = await this.api.getItem(operation, id);
      // The token of an item that was deleted still gives its id.
      if (item !== undefined) return item;
    }
    throw new FactoryError('ImageFailed', `the item ${name} was deleted ${ITEMS} times from the content library`);
  }

  private async createItemOnce(
    operation: Operation,
    image: PushedImage,
    item: Parameters<LibraryApi['createItem']>[1],
  ): Promise<string> {
    try {
      return await this.api.createItem(operation, item);
    } catch (error) {
      // A server that does not know the token has made the item at a first call, whose reply was lost.
      if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
      const found = await this.findItem(operation, image);
      if (found === undefined) throw error;
      return found.id;
    }
  }

  /**
   * Whether all is there: no upload goes on, a descriptor, and every disk, with its digest if that is told. Sizes are
   * not compared: vCenter has compared them, and how much it stores of a disk is its own matter.
   */
  private async hasFiles(operation: Operation, item: LibraryItem, { disks }: Ova): Promise<boolean> {
    const sessions = await this.api.listSessions(operation, item.id);
    if (sessions.some(({ state }) => state === 'ACTIVE')) return false;
    const files = await this.api.listItemFiles(operation, item.id);
    const stored = new Map(files.map((file) => [file.name, file]));
    if (!files.some(({ name }) => name.endsWith('.ovf'))) return false;
    return disks.every(({ name, sha256 }) => {
      const file = stored.get(name);
      const told = file?.checksum_info?.algorithm === 'SHA256' ? file.checksum_info.checksum : sha256;
      return file !== undefined && told.toLowerCase() === sha256;
    });
  }

  private async removeItem(operation: Operation, id: string): Promise<void> {
    for (const session of await this.api.listSessions(operation, id)) {
      if (session.state === 'ACTIVE') await this.cancelSession(operation, session.id);
      await this.api.deleteSession(operation, session.id);
    }
    await this.api.deleteItem(operation, id);
  }

  private async cancelSession(operation: Operation, id: string): Promise<void> {
    try {
      await this.api.actOnSession(operation, id, 'cancel');
    } catch (error) {
      // It has ended in the meantime.
      if (!(error instanceof FactoryError && ['Conflict', 'NotFound', 'BadRequest'].includes(error.type))) throw error;
    }
  }

  private async listUnfinished(
    operation: Operation,
    isWanted: (marks: Record<string, string>) => boolean,
  ): Promise<LibraryItem[]> {
    const { id: library } = await this.findLibrary(operation);
    const found: LibraryItem[] = [];
    await runConcurrently(await this.api.findItems(operation, library), READERS, async (id) => {
      const item = await this.api.getItem(operation, id);
      if (item === undefined || !isWanted(readMarks(item.description))) return;
      if (readState(item.description) !== 'registered') found.push(item);
    });
    return found;
  }

  private toRegistered({ id }: LibraryItem): RegisteredImage {
    const location = `${this.vapi.server}/api/content/library/item/${id}`;
    return { id, location, resources: [], verifiedBy: VERIFIED };
  }
}

function foreignItemError(name: string): FactoryError {
  return new FactoryError('Conflict', `the content library has an item ${name} that this push has not made`, {
    hint: 'rename or delete that item; it is never overwritten',
  });
}

function missingFilesError({ name }: LibraryItem): FactoryError {
  return new FactoryError('CloudUnavailable', `the item ${name} misses files after its upload, or they differ`, {
    retryable: true,
  });
}
