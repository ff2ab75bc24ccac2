import type { ProviderCall, ProviderReply } from '../provider-server.js';
import { findBrokenArchive, findInvalid, type NewFakeImage } from './image-checks.js';
import { json, page, readJson, refusal } from './replies.js';
import type { FakeStorage } from './storage.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PAGE = 2;
export interface FakeImage {
  id: string;
  name: string;
  selfLink: string;
  status: 'PENDING' | 'READY' | 'FAILED' | 'DELETING';
  labels: Record<string, string>;
  family?: string;
  architecture?: string;
  guestOsFeatures?: { type: string }[];
  rawDisk?: { source: string };
  storageLocations: string[];
  diskSizeGb?: string;
  creationTimestamp: string;
  policy: { version: number; etag: string; bindings: { role: string; members: string[]; condition?: unknown }[] };
}

interface FakeOperation {
  name: string;
  operationType: 'insert' | 'delete';
  targetLink: string;
  status: 'PENDING' | 'RUNNING' | 'DONE';
  progress: number;
  error?: { errors: { code: string; message: string }[] };
  warnings?: { code: string; message: string }[];
  httpErrorStatusCode?: number;
}

/** How an import ends. */
export interface ImportEnd {
  error?: { code: string; message: string };
  httpErrorStatusCode?: number;
  warnings?: { code: string; message: string }[];
  /** What is left of the image after an error. Compute Engine usually leaves nothing. */
  leaves?: 'FAILED';
}

/** The images of one project (https://cloud.google.com/compute/docs/reference/rest/v1/images). */
export class FakeCompute {
  readonly images = new Map<string, FakeImage>();
  readonly permissions = new Set([
    'compute.globalOperations.get',
    'compute.globalOperations.list',
    'compute.images.create',
    'compute.images.delete',
    'compute.images.get',
    'compute.images.getIamPolicy',
    'compute.images.list',
    'compute.images.setIamPolicy',
    'compute.images.setLabels',
  ]);
  /** How the next imports end. One entry an import. */
  readonly importEnds: ImportEnd[] = [];
  /** Imports that Compute Engine has begun. */
  imports = 0;
  /** Called when a policy is read, before the reader writes it: somebody else may write first. */
  onReadPolicy: (image: FakeImage) => void = () => undefined;
  private readonly operations = new Map<string, FakeOperation & { end: () => void }>();
  private readonly byRequestId = new Map<string, string>();
  private nextId = 1000;

  constructor(
    readonly project: string,
    private readonly storage: FakeStorage,
  ) {}

  /** Puts an image of somebody into the project. */
  put(image: Partial<FakeImage> & { name: string }): FakeImage {
    const made: FakeImage = {
      id: String(this.nextId++),
      selfLink: `https://www.googleapis.com/compute/v1/projects/${this.project}/global/images/${image.name}`,
      status: 'READY',
      labels: {},
      storageLocations: ['eu'],
      creationTimestamp: '2026-11-30T00:00:00.000-08:00',
      policy: { version: 1, etag: 'BwA=', bindings: [] },
      ...image,
    };
    this.images.set(made.name, made);
    return made;
  }

  /** Forgets all operations, as Compute Engine does after some days. */
  forgetOperations(): void {
    for (const operation of this.operations.values()) operation.end();
    this.operations.clear();
    this.byRequestId.clear();
  }

  handle(call: ProviderCall): ProviderReply {
    const [, project, rest = ''] = /^\/compute\/v1\/projects\/([^/]+)\/global\/(.*)$/.exec(call.path) ?? [];
    if (project !== this.project) return refusal(404, 'notFound', `The resource 'projects/${project}' was not found`);
    const [collection, name, verb] = rest.split('/');
    if (collection === 'operations') return this.handleOperations(call, name);
    if (name === undefined) return call.method === 'POST' ? this.insert(call) : this.list(call);
    if (verb === 'getIamPolicy') return this.readPolicy(name);
    if (verb === 'setIamPolicy') return this.writePolicy(call, name);
    return call.method === 'DELETE' ? this.remove(call, name) : this.find(name);
  }

  private list(call: ProviderCall): ProviderReply {
    const [, key, value] = /^labels\.([a-z_]+) = "([^"]*)"$/.exec(call.query.get('filter') ?? '') ?? [];
    const all = [...this.images.values()].filter(({ labels }) => key === undefined || labels[key] === value);
    return this.require('compute.images.list', '') ?? page(call, all, PAGE);
  }

  private find(name: string): ProviderReply {
    const refused = this.require('compute.images.get', `/global/images/${name}`);
    if (refused !== undefined) return refused;
    const reply = this.images.get(name);
    // Time passes with each question.
    for (const operation of this.operations.values()) if (reply?.selfLink === operation.targetLink) advance(operation);
    return reply === undefined ? this.notFound(name) : json(reply);
  }

  private insert(call: ProviderCall): ProviderReply {
    const body = readJson(call) as unknown as NewFakeImage;
    const target = `/global/images/${body.name}`;
    const invalid =
      this.require('compute.images.create', target) ??
      this.require('compute.images.setLabels', target) ??
      findInvalid(body, this.storage);
    if (invalid !== undefined) return invalid;
    return this.repeated(call, () => {
      if (this.images.has(body.name))
        return refusal(409, 'alreadyExists', `The resource 'projects/${this.project}${target}' already exists`);
      return this.beginImport(body);
    });
  }

  /** Answers a repeated request id with the first operation, whatever became of it. */
  private repeated(call: ProviderCall, begin: () => ProviderReply | FakeOperation): ProviderReply {
    const requestId = call.query.get('requestId') ?? '';
    if (!UUID.test(requestId)) return refusal(400, 'invalid', `Invalid value for field 'requestId': '${requestId}'.`);
    const earlier = this.operations.get(this.byRequestId.get(requestId) ?? '');
    if (earlier !== undefined) return json(earlier);
    const begun = begin();
    if (!('name' in begun)) return begun;
    this.byRequestId.set(requestId, begun.name);
    return json(begun);
  }

  private beginImport(body: NewFakeImage): FakeOperation {
    this.imports++;
    const image = this.put({ ...body, status: 'PENDING' });
    const end = this.importEnds.shift() ?? {};
    const operation = this.begin('insert', image, () => {
      const error = end.error ?? findBrokenArchive(body, this.storage);
      if (error !== undefined) {
        operation.error = { errors: [error] };
        operation.httpErrorStatusCode = end.httpErrorStatusCode ?? 400;
        if (end.leaves === 'FAILED') image.status = 'FAILED';
        else this.images.delete(image.name);
      } else {
        image.status = 'READY';
        image.diskSizeGb = '1';
      }
      if (end.warnings !== undefined) operation.warnings = end.warnings;
    });
    return operation;
  }

  private begin(type: FakeOperation['operationType'], image: FakeImage, end: () => void): FakeOperation {
    const operation: FakeOperation & { end: () => void } = {
      name: `operation-${this.nextId++}`,
      operationType: type,
      targetLink: image.selfLink,
      status: 'PENDING',
      progress: 0,
      end: () => {
        if (operation.status === 'DONE') return;
        operation.status = 'DONE';
        operation.progress = 100;
        end();
      },
    };
    this.operations.set(operation.name, operation);
    return operation;
  }

  private handleOperations(call: ProviderCall, name: string | undefined): ProviderReply {
    if (name === undefined) {
      const [, type, target] =
        /^\(operationType = "(\w+)"\) AND \(targetLink : "([^"]+)"\)$/.exec(call.query.get('filter') ?? '') ?? [];
      if (type === undefined || target === undefined)
        return refusal(400, 'invalid', "Invalid value for field 'filter'.");
      const all = [...this.operations.values()].filter(
        ({ operationType, targetLink }) => operationType === type && targetLink.includes(target),
      );
      return this.require('compute.globalOperations.list', '') ?? page(call, all, PAGE);
    }
    const refused = this.require('compute.globalOperations.get', `/global/operations/${name}`);
    if (refused !== undefined) return refused;
    const operation = this.operations.get(name);
    if (operation === undefined) return refusal(404, 'notFound', `The resource '${name}' was not found`);
    advance(operation);
    return json(operation);
  }

  private remove(call: ProviderCall, name: string): ProviderReply {
    const refused = this.require('compute.images.delete', `/global/images/${name}`);
    if (refused !== undefined) return refused;
    return this.repeated(call, () => {
      const image = this.images.get(name);
      if (image === undefined) return this.notFound(name);
      if (image.status === 'PENDING' || image.status === 'DELETING')
        return refusal(400, 'resourceNotReady', `The resource '${name}' is not ready`);
      image.status = 'DELETING';
      return this.begin('delete', image, () => void this.images.delete(name));
    });
  }

  private readPolicy(name: string): ProviderReply {
    const image = this.images.get(name);
    if (image === undefined) return this.notFound(name);
    const refused = this.require('compute.images.getIamPolicy', `/global/images/${name}`);
    if (refused !== undefined) return refused;
    const reply = json(image.policy);
    this.onReadPolicy(image);
    return reply;
  }

  private writePolicy(call: ProviderCall, name: string): ProviderReply {
    const image = this.images.get(name);
    if (image === undefined) return this.notFound(name);
    const refused = this.require('compute.images.setIamPolicy', `/global/images/${name}`);
    if (refused !== undefined) return refused;
    const { policy } = readJson(call) as { policy: FakeImage['policy'] };
    if (policy.etag !== image.policy.etag)
      return refusal(409, 'aborted', 'There were concurrent policy changes. Please retry the whole read-modify-write.');
    image.policy = { ...policy, etag: Buffer.from(String(this.nextId++)).toString('base64') };
    return json(image.policy);
  }

  private notFound(name: string): ProviderReply {
    return refusal(404, 'notFound', `The resource 'projects/${this.project}/global/images/${name}' was not found`);
  }

  private require(permission: string, resource: string): ProviderReply | undefined {
    if (this.permissions.has(permission)) return undefined;
    const message = `Required '${permission}' permission for 'projects/${this.project}${resource}'`;
    return refusal(403, 'forbidden', message);
  }
}

/** Each question is a step further: PENDING, RUNNING, DONE. */
function advance(operation: FakeOperation & { end: () => void }): void {
  if (operation.status === 'RUNNING') operation.end();
  else if (operation.status === 'PENDING') operation.status = 'RUNNING';
}
