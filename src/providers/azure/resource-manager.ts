import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { decode } from '../../http/decode.js';
import { type ApiCall, type ErrorResponse, responseError } from '../../http/http-errors.js';
import { HttpClient, type HttpRequest, type HttpResponse } from '../../http/http.js';
import type { Credential } from './credentials.js';

const PRODUCT = 'Azure Resource Manager';

/** Statuses of refusals. What a GET may ask again at once, as 429 and 5xx, the client handles. */
const REFUSALS = [400, 401, 402, 403, 404, 405, 409, 410, 412, 413, 422];
/** Codes of refusals that pass when something else has ended. */
const PASSING_CODES = [
  'AnotherOperationInProgress',
  'RetryableError',
  'OperationPreempted',
  'ConflictingConcurrentWriteNotAllowed',
];

/** A resource, as far as we read it. Azure leaves `provisioningState` out where a resource is ready at once. */
const resourceSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  location: z.string().optional(),
  tags: z.record(z.string(), z.string()).default({}),
  properties: z.looseObject({ provisioningState: z.string().optional() }).default({}),
});
export type Resource = z.infer<typeof resourceSchema>;

const pageSchema = z.looseObject({ value: z.array(z.unknown()), nextLink: z.string().nullish() });

/** The outcome of an operation, at the address that the header `Azure-AsyncOperation` names. */
const operationSchema = z.looseObject({
  status: z.string(),
  error: z.looseObject({ code: z.string().default(''), message: z.string().default('') }).optional(),
});
export type OperationStatus = z.infer<typeof operationSchema>;

/** A call that Azure has accepted. */
export interface Accepted {
  /** Where Azure tells how the operation goes on. Undefined when it ended at once. */
  statusUrl: string | undefined;
}

/** Azure Resource Manager: the REST interface to everything but the bytes of blobs. */
export class ResourceManager {
  private readonly http: HttpClient;
  private readonly origin: string;

  /** @param ca certificate authorities in PEM */
  constructor(
    private readonly endpoint: string,
    private readonly credential: Credential,
    ca: string | undefined,
  ) {
    this.http = new HttpClient('', ca === undefined ? {} : { ca });
    this.origin = new URL(endpoint).origin;
  }

  /** Reads a resource. Undefined when there is none. */
  async get(id: string, apiVersion: string, signal: AbortSignal, expand?: string): Promise<Resource | undefined> {
    const query = expand === undefined ? '' : `&$expand=${expand}`;
    const request = this.build('GET', id, apiVersion, signal, query);
    const answer = await this.send(request, [404]);
    return answer.status === 404 ? undefined : decode(this.http.toApiCall(request), resourceSchema, answer.body);
  }

  /** Reads every item of a list, page by page. An empty list when what it belongs to does not exist. */
  async list<T>(id: string, apiVersion: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T[]> {
    const items: T[] = [];
    let request: HttpRequest | undefined = this.build('GET', id, apiVersion, signal);
    while (request !== undefined) {
      const answer = await this.send(request, [404]);
      if (answer.status === 404) return items;
      const call = this.http.toApiCall(request);
      const page = decode(call, pageSchema, answer.body);
      items.push(...decode(call, z.array(schema), JSON.stringify(page.value)));
      const next: string | undefined = page.nextLink || undefined;
      request = next === undefined ? undefined : { ...request, url: this.requireOwn(next) };
    }
    return items;
  }

  /** Lists resources. */
  async listResources(id: string, apiVersion: string, signal: AbortSignal): Promise<Resource[]> {
    return this.list(id, apiVersion, resourceSchema, signal);
  }

  /** Makes a resource, or changes it. Sent once. */
  async put(id: string, apiVersion: string, body: unknown, signal: AbortSignal): Promise<Accepted> {
    const request = { ...this.build('PUT', id, apiVersion, signal), body: JSON.stringify(body) };
    return this.readAccepted(await this.send(request, []));
  }

  /** Deletes a resource. Undefined when there is none. Sent once. */
  async delete(id: string, apiVersion: string, signal: AbortSignal): Promise<Accepted | undefined> {
    const answer = await this.send(this.build('DELETE', id, apiVersion, signal), [404]);
    // 204: there was nothing to delete.
    return answer.status === 404 || answer.status === 204 ? undefined : this.readAccepted(answer);
  }

  /** Reads how an operation goes on. Undefined when Azure does not know it any more. */
  async readStatus(statusUrl: string, signal: AbortSignal): Promise<OperationStatus | undefined> {
    const request: HttpRequest = { product: PRODUCT, method: 'GET', url: this.requireOwn(statusUrl), signal };
    const answer = await this.send(request, [404]);
    return answer.status === 404 ? undefined : decode(this.http.toApiCall(request), operationSchema, answer.body);
  }

  async close(): Promise<void> {
    await this.http.close();
  }

  private build(
    method: HttpRequest['method'],
    id: string,
    apiVersion: string,
    signal: AbortSignal,
    query = '',
  ): HttpRequest {
    const path = id.split('/').map(encodeURIComponent).join('/');
    const url = `${this.endpoint.replace(/\/+$/, '')}${path}?api-version=${apiVersion}${query}`;
    return { product: PRODUCT, method, url, signal };
  }

  private async send(request: HttpRequest, accept: number[]): Promise<HttpResponse> {
    const scope = `${this.endpoint.replace(/\/+$/, '')}/.default`;
    const { token } = await this.credential.getToken(scope, { abortSignal: request.signal });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    // The code decides what a conflict is, and only the body has it.
    const answer = await this.http.send({ ...request, headers }, [...accept, ...REFUSALS]);
    if (answer.status < 300 || accept.includes(answer.status)) return answer;
    throw refusal(this.http.toApiCall(request), answer);
  }

  private readAccepted({ headers }: HttpResponse): Accepted {
    const header = headers['azure-asyncoperation'];
    return { statusUrl: Array.isArray(header) ? header[0] : header };
  }

  /** An address that Azure has sent gets our token: it must be Azure's own. */
  private requireOwn(url: string): string {
    if (URL.parse(url)?.origin === this.origin) return url;
    throw new FactoryError('CloudUnavailable', `${PRODUCT} named an address that is not its own: ${url}`, {
      retryable: true,
    });
  }
}

const refusalSchema = z.looseObject({ error: z.looseObject({ code: z.string(), message: z.string().default('') }) });

function readRefusal(body: string) {
  try {
    return refusalSchema.safeParse(JSON.parse(body)).data?.error;
  } catch {
    return undefined;
  }
}

/** Azure names a code, and the missing permission; we say where that belongs, and whether the reason passes. */
function refusal(call: ApiCall, answer: ErrorResponse): FactoryError {
  const said = readRefusal(answer.body);
  const body = said === undefined ? answer.body : JSON.stringify({ message: `${said.code}: ${said.message}` });
  const error = responseError(call, { ...answer, body });
  const hint =
    error.type === 'Forbidden'
      ? 'give the identity a role with this action at this scope: docs/providers/azure.md has the whole role'
      : error.hint;
  const { type, message, retryAfterSeconds, requestId, status } = error;
  const retryable = error.retryable || PASSING_CODES.includes(said?.code ?? '');
  return new FactoryError(type, message, { retryable, retryAfterSeconds, requestId, status, hint, cause: error });
}
