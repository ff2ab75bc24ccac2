import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { fetch } from 'undici';
import type { Clock } from '../core/clock.js';
import { ApiError, type Call, type Reply } from '../core/http.js';
import { isFields, asText, type Fields } from '../core/values.js';
import type { CloudState, FakeImage, FakeImageTask } from '../state.js';
import type { ImageFiles } from './image-data.js';
import { taskView } from './image-tasks.js';
import { STORE } from './image-view.js';

/** The import methods that Glance offers by default. An operator may remove some. */
export const IMPORT_METHODS: readonly string[] = ['glance-direct', 'web-download', 'copy-image'];

const MIB = 1024 ** 2;

/** Imports images from URLs, as Glance does: https://docs.openstack.org/api-ref/image/v2/#interoperable-image-import */
export class ImageImports {
  private readonly running = new Map<FakeImage, AbortController>();

  constructor(
    private readonly state: CloudState,
    private readonly files: ImageFiles,
    private readonly clock: Clock,
    readonly methods: readonly string[],
  ) {}

  info(): Reply {
    const offered = { description: 'Import methods available.', type: 'array', value: this.methods };
    return { status: 200, json: { 'import-methods': offered } };
  }

  /** Reads an import request. Glance does this before it looks for the image. @throws ApiError 400 */
  read(body: unknown): { name: string; uri: string | undefined } {
    const method = isFields(body) ? body['method'] : undefined;
    if (!isFields(method)) throw new ApiError(400, "Import request requires a 'method' field.");
    const name = asText(method['name']);
    if (name === undefined) throw new ApiError(400, "Import request requires a 'name' field.");
    if (!this.methods.includes(name)) throw new ApiError(400, `Unknown import method name '${name}'.`);
    return { name, uri: asText(method['uri']) };
  }

  /** Begins an import. The image and its task later show the result. @throws ApiError with Glance's message */
  begin(image: FakeImage, { name, uri }: { name: string; uri: string | undefined }, call: Call): Reply {
    checkState(image, name);
    if (name !== 'web-download') throw new ApiError(400, `Image is already present at store '${STORE}'`);
    if (uri === undefined || !isAllowedUri(uri)) {
      throw new ApiError(400, `URI for web-download does not pass filtering: ${uri ?? 'None'}`);
    }
    const task = createTask({ method: { name, uri } }, call.id);
    image.tasks.unshift(task);
    image.reserved['os_glance_import_task'] = task.id;
    const aborting = new AbortController();
    this.running.set(image, aborting);
    this.clock.after(this.clock.durations.importStart, () => {
      this.run(image, { task, uri }, aborting).catch((error: unknown) => console.error('fake cloud: import:', error));
    });
    return { status: 202 };
  }

  /** Lists the tasks of an image: https://docs.openstack.org/api-ref/image/v2/#show-tasks-associated-with-image */
  tasks(image: FakeImage): Reply {
    return { status: 200, json: { tasks: image.tasks.map((task) => taskView(this.state, image, task)) } };
  }

  /** Stops the import of a deleted image. */
  stop(image: FakeImage): void {
    this.running.get(image)?.abort();
    this.running.delete(image);
  }

  close(): void {
    for (const image of [...this.running.keys()]) this.stop(image);
  }

  private async run(
    image: FakeImage,
    { task, uri }: { task: FakeImageTask; uri: string },
    { signal }: AbortController,
  ): Promise<void> {
    if (signal.aborted) return;
    task.status = 'processing';
    this.set(image, 'importing', { os_glance_importing_to_stores: STORE, os_glance_failed_import: '' });
    const bytes = await openUri(uri, signal)
      .then((data) => this.files.save(image, data))
      .catch(() => undefined);
    if (bytes !== undefined) await this.files.adopt(image, bytes);
    if (signal.aborted) return this.files.remove(image);
    if (bytes === undefined) return this.fail(image, task);
    task.message = `Copied ${Math.floor((image.size ?? 0) / MIB)} MiB`;
    this.set(image, 'active', { os_glance_importing_to_stores: '' });
    // For a short time (`importEnd`) the image is already active, but its task has not ended.
    this.clock.after(this.clock.durations.importEnd, () => this.end(image, task, 'success'));
  }

  /**
   * Ends a failed import. The image is as before the import, except for `os_glance_failed_import`, which shows the
   * failure. A caller cannot see the reason, because it is only in Glance's log.
   */
  private fail(image: FakeImage, task: FakeImageTask): void {
    task.message = 'Task failed due to Internal Error';
    this.set(image, 'queued', { os_glance_importing_to_stores: '', os_glance_failed_import: STORE });
    this.end(image, task, 'failure');
  }

  private end(image: FakeImage, task: FakeImageTask, status: 'success' | 'failure'): void {
    this.running.delete(image);
    delete image.reserved['os_glance_import_task'];
    Object.assign(task, { status, endedAt: Date.now() });
  }

  private set(image: FakeImage, status: string, reserved: Record<string, string>): void {
    Object.assign(image.reserved, reserved);
    Object.assign(image, { status, updatedAt: Date.now() });
  }
}

/** Checks that the import method accepts an image in this state. @throws ApiError 409 when it does not */
function checkState(image: FakeImage, method: string): void {
  const { status, reserved, container_format, disk_format } = image;
  const conflict = (why: string): ApiError => new ApiError(409, why);
  if (method === 'copy-image' && status !== 'active')
    throw conflict('Only images with status active can be targeted for copying');
  if (method !== 'copy-image' && status === 'active')
    throw conflict('Image with status active cannot be target for import');
  if (method === 'web-download' && status !== 'queued')
    throw conflict("Image needs to be in 'queued' state to use 'web-download' method");
  if (method === 'glance-direct') throw conflict("Image needs to be staged before 'glance-direct' method can be used");
  if (container_format === null) throw conflict("'container_format' needs to be set before import");
  if (disk_format === null) throw conflict("'disk_format' needs to be set before import");
  if (reserved['os_glance_import_task'] !== undefined) throw conflict('Image has active task');
}

/**
 * Checks whether Glance accepts a URL. By default Glance also refuses URLs of its own machine. The fake cloud accepts
 * them, because all servers of tests are on this machine.
 */
function isAllowedUri(uri: string): boolean {
  return /^https?:\/\/[^/?#]/i.test(uri) && URL.canParse(uri);
}

function createTask(request: Fields, requestId: string): FakeImageTask {
  return { id: randomUUID(), status: 'pending', message: '', request, requestId, createdAt: Date.now() };
}

/** Opens a URL. As Glance does, it follows redirects, and refuses a reply without Content-Length. */
async function openUri(uri: string, signal: AbortSignal): Promise<Readable> {
  const { ok, status, headers, body } = await fetch(uri, { signal, headers: { 'accept-encoding': 'identity' } });
  if (ok && body !== null && headers.has('content-length')) return Readable.fromWeb(body);
  await body?.cancel();
  throw new Error(`${uri} answers ${status}, or answers without a Content-Length`);
}
