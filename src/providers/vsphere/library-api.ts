import { z } from 'zod';
import { asRetryable, FactoryError } from '../../domain/errors.js';
import type { Operation } from '../types.js';
import type { OvaPart } from './ova-parts.js';
import type { VapiClient } from './vapi-client.js';
import { messageSchema, VapiError } from './vapi-errors.js';

const ITEMS = '/content/library/item';
const SESSIONS = `${ITEMS}/update-session`;
const ids = z.array(z.string());

const librarySchema = z.object({
  id: z.string(),
  name: z.string(),
  /** `LOCAL`; `SUBSCRIBED` libraries take no uploads. */
  type: z.string(),
  storage_backings: z.array(z.object({ datastore_id: z.string().optional() })).default([]),
});
const itemSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().default(''),
  creation_time: z.string().optional(),
  size: z.number().optional(),
});
const sessionSchema = z.object({
  library_item_id: z.string(),
  state: z.enum(['ACTIVE', 'DONE', 'ERROR', 'CANCELED']),
  error_message: messageSchema.optional(),
});
const fileSchema = z.object({
  name: z.string(),
  size: z.number().optional(),
  status: z.enum(['WAITING_FOR_TRANSFER', 'TRANSFERRING', 'READY', 'VALIDATING', 'ERROR']),
  error_message: messageSchema.optional(),
  upload_endpoint: z.object({ uri: z.url() }).optional(),
});
const storedFileSchema = z.object({
  name: z.string(),
  checksum_info: z.object({ algorithm: z.string().optional(), checksum: z.string() }).optional(),
});
const datastoreSchema = z.object({ name: z.string(), free_space: z.number().optional() });

export type Library = z.infer<typeof librarySchema>;
export type LibraryItem = z.infer<typeof itemSchema>;
export type UpdateSession = z.infer<typeof sessionSchema> & { id: string };
export type UpdateFile = z.infer<typeof fileSchema>;
export type StoredFile = z.infer<typeof storedFileSchema>;

/** The calls of vCenter's content library. Each is safe to run twice. What is not there is undefined. */
export class LibraryApi {
  constructor(private readonly vapi: VapiClient) {}

  /** Finds libraries by name: an exact one, whatever the case of its letters. */
  async findLibraries(operation: Operation, name: string): Promise<string[]> {
    const call = { method: 'POST', path: '/content/library', query: { action: 'find' }, body: { name } } as const;
    return this.vapi.call(operation, call, ids);
  }

  /** Reads a library by its id. A text that can be no id is refused by vCenter as invalid. */
  async getLibrary(operation: Operation, id: string): Promise<Library | undefined> {
    const path = `/content/library/${encodeURIComponent(id)}`;
    try {
      return await unlessMissing(this.vapi.call(operation, { method: 'GET', path }, librarySchema));
    } catch (error) {
      if (error instanceof FactoryError && error.type === 'BadRequest') return undefined;
      throw error;
    }
  }

  /** Finds the items of a library that hold an OVF, all or those with a name. */
  findItems(operation: Operation, library: string, name?: string): Promise<string[]> {
    const body = { library_id: library, ...(name === undefined ? { type: 'ovf' } : { name }) };
    return this.vapi.call(operation, { method: 'POST', path: ITEMS, query: { action: 'find' }, body }, ids);
  }

  getItem(operation: Operation, id: string): Promise<LibraryItem | undefined> {
    return unlessMissing(this.vapi.call(operation, { method: 'GET', path: `${ITEMS}/${id}` }, itemSchema));
  }

  createItem(
    operation: Operation,
    item: { library: string; name: string; description: string; clientToken: string },
  ): Promise<string> {
    const { library, name, description, clientToken } = item;
    const body = { library_id: library, name, description, type: 'ovf' };
    const privilege = 'ContentLibrary.AddLibraryItem';
    return this.vapi.call(operation, { method: 'POST', path: ITEMS, body, clientToken, privilege }, z.string());
  }

  async describeItem(operation: Operation, id: string, description: string): Promise<void> {
    const privilege = 'ContentLibrary.UpdateLibraryItem';
    await this.vapi.run(operation, { method: 'PATCH', path: `${ITEMS}/${id}`, body: { description }, privilege });
  }

  async deleteItem(operation: Operation, id: string): Promise<void> {
    const privilege = 'ContentLibrary.DeleteLibraryItem';
    await unlessMissing(this.vapi.run(operation, { method: 'DELETE', path: `${ITEMS}/${id}`, privilege }));
  }

  /** Lists the files of an item that are there for everybody: those of sessions that are done. */
  listItemFiles(operation: Operation, id: string): Promise<StoredFile[]> {
    return this.vapi.call(operation, { method: 'GET', path: `${ITEMS}/${id}/file` }, z.array(storedFileSchema));
  }

  /** Lists the sessions of an item that this user has made. */
  async listSessions(operation: Operation, item: string): Promise<UpdateSession[]> {
    const call = { method: 'GET', path: SESSIONS, query: { library_item_id: item } } as const;
    const sessions: UpdateSession[] = [];
    for (const id of (await unlessMissing(this.vapi.call(operation, call, ids))) ?? []) {
      const session = await this.getSession(operation, id);
      if (session?.library_item_id === item) sessions.push(session);
    }
    return sessions;
  }

  async getSession(operation: Operation, id: string): Promise<UpdateSession | undefined> {
    const call = { method: 'GET', path: `${SESSIONS}/${id}` } as const;
    const session = await unlessMissing(this.vapi.call(operation, call, sessionSchema));
    return session && { ...session, id };
  }

  createSession(operation: Operation, item: string, clientToken: string): Promise<string> {
    const body = { library_item_id: item };
    const privilege = 'ContentLibrary.UpdateSession';
    return this.vapi.call(operation, { method: 'POST', path: SESSIONS, body, clientToken, privilege }, z.string());
  }

  /** Ends a session, keeps one alive, or completes it. */
  async actOnSession(operation: Operation, id: string, action: 'complete' | 'cancel' | 'keep-alive'): Promise<void> {
    const body = action === 'keep-alive' ? {} : undefined;
    await this.vapi.run(operation, { method: 'POST', path: `${SESSIONS}/${id}`, query: { action }, body });
  }

  async deleteSession(operation: Operation, id: string): Promise<void> {
    await unlessMissing(this.vapi.run(operation, { method: 'DELETE', path: `${SESSIONS}/${id}` }));
  }

  listFiles(operation: Operation, session: string): Promise<UpdateFile[]> {
    return this.vapi.call(operation, { method: 'GET', path: `${SESSIONS}/${session}/file` }, z.array(fileSchema));
  }

  getFile(operation: Operation, session: string, name: string): Promise<UpdateFile | undefined> {
    const path = `${SESSIONS}/${session}/file/${encodeURIComponent(name)}`;
    return unlessMissing(this.vapi.call(operation, { method: 'GET', path }, fileSchema));
  }

  /** Says that a file comes. If the session has one of that name, its content is replaced. */
  addFile(operation: Operation, session: string, { name, size, sha256 }: OvaPart): Promise<UpdateFile> {
    const checksum = { algorithm: 'SHA256', checksum: sha256 };
    const body = { name, source_type: 'PUSH', size, checksum_info: checksum };
    return this.vapi.call(operation, { method: 'POST', path: `${SESSIONS}/${session}/file`, body }, fileSchema);
  }

  /** Returns the free bytes of a datastore. Undefined when the user may not see it. */
  async getFreeSpace(operation: Operation, datastore: string): Promise<number | undefined> {
    const call = { method: 'GET', path: '/vcenter/datastore', query: { datastores: datastore } } as const;
    try {
      const [found] = await this.vapi.call(operation, call, z.array(datastoreSchema));
      return found?.free_space;
    } catch (error) {
      if (error instanceof FactoryError && ['NotFound', 'Forbidden', 'BadRequest'].includes(error.type))
        return undefined;
      throw error;
    }
  }
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof VapiError && error.errorType === 'NOT_FOUND') return undefined;
    // A proxy answers 404 while the service restarts: that says nothing of what is there.
    throw error instanceof FactoryError && error.type === 'NotFound' ? asRetryable(error) : error;
  }
}
