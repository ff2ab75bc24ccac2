import { z } from 'zod';
import type { GoogleClient } from './google-client.js';
import { markFilter } from './names.js';

const image = z.object({
  /** A number that no other image ever has. */
  id: z.string(),
  name: z.string(),
  selfLink: z.string(),
  status: z.enum(['PENDING', 'READY', 'FAILED', 'DELETING']),
  labels: z.record(z.string(), z.string()).optional(),
  /** GB of 2^30 bytes. Unset until the image is imported. */
  diskSizeGb: z.string().optional(),
  architecture: z.string().optional(),
  storageLocations: z.array(z.string()).optional(),
  creationTimestamp: z.string().optional(),
});

export type ComputeImage = z.infer<typeof image>;

const problem = z.object({ code: z.string(), message: z.string().optional() });

const operation = z.object({
  name: z.string(),
  operationType: z.string().optional(),
  targetLink: z.string().optional(),
  status: z.enum(['PENDING', 'RUNNING', 'DONE']),
  progress: z.number().optional(),
  error: z.object({ errors: z.array(problem).optional() }).optional(),
  warnings: z.array(problem).optional(),
  httpErrorStatusCode: z.number().optional(),
  httpErrorMessage: z.string().optional(),
});

/** Work that Compute Engine does after its answer. */
export type ComputeOperation = z.infer<typeof operation>;

const policy = z.looseObject({
  version: z.number().optional(),
  etag: z.string().optional(),
  bindings: z
    .array(
      z.looseObject({ role: z.string(), members: z.array(z.string()).optional(), condition: z.unknown().optional() }),
    )
    .optional(),
});

/** Who may do what with an image. */
export type ImagePolicy = z.infer<typeof policy>;

export interface NewImage {
  name: string;
  description: string;
  family: string;
  labels: Record<string, string>;
  architecture: 'X86_64' | 'ARM64';
  guestOsFeatures: { type: string }[];
  rawDisk: { containerType: 'TAR'; source: string };
  storageLocations?: string[];
}

/** The images of one project of Compute Engine (https://cloud.google.com/compute/docs/reference/rest/v1/images). */
export class Images {
  private readonly url: string;

  constructor(
    private readonly client: GoogleClient,
    /** `https://compute.googleapis.com` */
    endpoint: string,
    readonly project: string,
  ) {
    this.url = `${endpoint}/compute/v1/projects/${encodeURIComponent(project)}/global`;
  }

  find(name: string, signal: AbortSignal): Promise<ComputeImage | undefined> {
    return this.client.find({ method: 'GET', url: this.imageUrl(name), signal }, image);
  }

  /** Lists images with a label. */
  list(mark: Parameters<typeof markFilter>, signal: AbortSignal): Promise<ComputeImage[]> {
    const page = z.object({ items: z.array(image).optional(), nextPageToken: z.string().optional() });
    const query = { filter: markFilter(...mark) };
    return this.client.list({ method: 'GET', url: `${this.url}/images`, query, signal }, page);
  }

  /** Lists no image. Fails when our account may not list images, or when the project has the API disabled. */
  async probe(signal: AbortSignal): Promise<void> {
    await this.client.send({ method: 'GET', url: `${this.url}/images`, query: { maxResults: '1' }, signal });
  }

  /** Lists the imports of an image of this name that Compute Engine remembers, also those that have ended. */
  async listImports(name: string, signal: AbortSignal): Promise<ComputeOperation[]> {
    const page = z.object({ items: z.array(operation).optional(), nextPageToken: z.string().optional() });
    const query = { filter: `(operationType = "insert") AND (targetLink : "/global/images/${name}")` };
    const found = await this.client.list({ method: 'GET', url: `${this.url}/operations`, query, signal }, page);
    return found.filter((each) => each.operationType === 'insert' && each.targetLink?.endsWith(`/images/${name}`));
  }

  /** Starts the import of an image. @returns undefined when an image of that name exists */
  async insert(body: NewImage, requestId: string, signal: AbortSignal): Promise<ComputeOperation | undefined> {
    const call = { method: 'POST' as const, url: `${this.url}/images`, query: { requestId }, body, signal };
    const response = await this.client.send(call, [409]);
    return response.status === 409 ? undefined : this.client.read(call, response, operation);
  }

  /** Starts the removal of an image. @returns undefined when it is not there */
  remove(name: string, requestId: string, signal: AbortSignal): Promise<ComputeOperation | undefined> {
    return this.client.find({ method: 'DELETE', url: this.imageUrl(name), query: { requestId }, signal }, operation);
  }

  findOperation(name: string, signal: AbortSignal): Promise<ComputeOperation | undefined> {
    const url = `${this.url}/operations/${encodeURIComponent(name)}`;
    return this.client.find({ method: 'GET', url, signal }, operation);
  }

  readPolicy(name: string, signal: AbortSignal): Promise<ImagePolicy> {
    // With version 3 we read conditions of bindings, and so do not lose them when we write the policy.
    const query = { optionsRequestedPolicyVersion: '3' };
    return this.client.ask({ method: 'GET', url: `${this.imageUrl(name)}/getIamPolicy`, query, signal }, policy);
  }

  /** Writes a policy. @returns false when somebody has changed it since it was read */
  async writePolicy(name: string, body: ImagePolicy, signal: AbortSignal): Promise<boolean> {
    const url = `${this.imageUrl(name)}/setIamPolicy`;
    const response = await this.client.send({ method: 'POST', url, body: { policy: body }, signal }, [409, 412]);
    return response.status !== 409 && response.status !== 412;
  }

  private imageUrl(name: string): string {
    return `${this.url}/images/${encodeURIComponent(name)}`;
  }
}
