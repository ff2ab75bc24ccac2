import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { contentError, responseError } from '../../http/http-errors.js';
import type { HttpClient, HttpRequest } from '../../http/http.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation } from '../types.js';
import type { Login } from './login.js';
import { readFault, SoapFault } from './soap-faults.js';
import { element, envelope, type ManagedObject, parseBody, referenceSchema, textSchema } from './soap-xml.js';

/** The version of the API that calls ask for: vSphere 6.7, which every later one speaks. */
const ACTION = 'urn:vim25/6.7';
const SERVICE: ManagedObject = { type: 'ServiceInstance', value: 'ServiceInstance' };

const contentSchema = z.object({
  returnval: z.object({
    rootFolder: referenceSchema,
    propertyCollector: referenceSchema,
    sessionManager: referenceSchema,
    authorizationManager: referenceSchema,
    searchIndex: referenceSchema,
    ovfManager: referenceSchema,
    about: z.object({
      /** `VirtualCenter`, or `HostAgent` for an ESXi host. */
      apiType: textSchema,
    }),
  }),
});
const loginSchema = z.object({ returnval: z.object({ key: textSchema }) });

export type ServiceContent = z.infer<typeof contentSchema>['returnval'];

interface Session {
  content: ServiceContent;
  /** The key of the session, which privileges are asked for. */
  key: string;
  cookie: string;
}

interface Answer<T> {
  value: T;
  text: string;
}

/** A call of the SOAP API. */
export interface SoapCall {
  method: string;
  self: ManagedObject;
  /** The arguments, each as an element, in the order of the schema. */
  elements?: readonly string[];
  /** True for a call that must not be sent a second time when its reply was lost. */
  once?: boolean;
}

/** vSphere's SOAP API, of a vCenter or of an ESXi host, with a session that starts with the first call. */
export class SoapClient {
  private session: Promise<Session> | undefined;

  constructor(
    private readonly http: HttpClient,
    /** The address, without a slash at its end. */
    readonly server: string,
    /** The service in messages. */
    readonly product: string,
    private readonly readLogin: () => Promise<Login>,
  ) {}

  /** Logs in, unless that was done, and returns what the server has. */
  async connect(operation: Operation): Promise<ServiceContent & { sessionKey: string }> {
    const { content, key } = await retryPart(operation, () => this.open());
    return { ...content, sessionKey: key };
  }

  /** Sends a call, and reads the answer. @throws SoapFault with what the server says */
  async call<T>(operation: Operation, call: SoapCall, schema: z.ZodType<T>): Promise<T> {
    return (await this.callWithText(operation, call, schema)).value;
  }

  /** As {@link call}; returns also the whole answer as it came. */
  async callWithText<T>(operation: Operation, call: SoapCall, schema: z.ZodType<T>): Promise<Answer<T>> {
    if (call.once === true) return await this.callOnce(operation, call, schema);
    return await retryPart(operation, () => this.callOnce(operation, call, schema));
  }

  /** Ends the session. */
  async logout(): Promise<void> {
    const session = await this.session?.catch(() => undefined);
    this.session = undefined;
    if (session === undefined) return;
    const call = { method: 'Logout', self: session.content.sessionManager };
    await this.send(call, { cookie: session.cookie }).catch(() => undefined);
  }

  private async callOnce<T>(operation: Operation, call: SoapCall, schema: z.ZodType<T>): Promise<Answer<T>> {
    const opened = this.session;
    try {
      return await this.callInSession(operation, call, schema);
    } catch (error) {
      // The server ends a session that was idle for half an hour. It has not performed the call.
      if (opened === undefined || !(error instanceof SoapFault && error.fault === 'NotAuthenticated')) throw error;
      if (this.session === opened) this.session = undefined;
      return await this.callInSession(operation, call, schema);
    }
  }

  private async callInSession<T>(operation: Operation, call: SoapCall, schema: z.ZodType<T>): Promise<Answer<T>> {
    const { cookie } = await this.open();
    return await this.perform(call, { cookie, signal: operation.signal }, schema);
  }

  /** All operations share the session, so no signal of one of them stops the login. */
  private open(): Promise<Session> {
    this.session ??= this.login().catch((error: unknown) => {
      this.session = undefined;
      throw error;
    });
    return this.session;
  }

  private async login(): Promise<Session> {
    const service = { method: 'RetrieveServiceContent', self: SERVICE };
    const { returnval: content } = (await this.perform(service, {}, contentSchema)).value;
    const { user, password } = await this.readLogin();
    const elements = [element('userName', user), element('password', password)];
    const call = { method: 'Login', self: content.sessionManager, elements };
    const { value, cookie } = await this.perform(call, {}, loginSchema);
    return { content, key: value.returnval.key, cookie };
  }

  private async perform<T>(
    call: SoapCall,
    options: { cookie?: string; signal?: AbortSignal },
    schema: z.ZodType<T>,
  ): Promise<Answer<T> & { cookie: string }> {
    const { request, response } = await this.send(call, options);
    const apiCall = this.http.toApiCall(request);
    const body = parseBody(response.body);
    if (body?.name === 'Fault') throw readFault(`${this.product} refused ${call.method}`, body.content);
    if (response.status >= 400) throw responseError(apiCall, response);
    const parsed = schema.safeParse(body?.content);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw contentError(apiCall, `${call.method}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unreadable'}`);
    }
    const set = response.headers['set-cookie'];
    const cookie = (Array.isArray(set) ? set[0] : set)?.split(';')[0] ?? '';
    return { value: parsed.data, text: response.body, cookie };
  }

  private async send(
    { method, self, elements = [] }: SoapCall,
    { cookie = '', signal }: { cookie?: string; signal?: AbortSignal },
  ): Promise<{ request: HttpRequest; response: Awaited<ReturnType<HttpClient['send']>> }> {
    const headers = {
      'content-type': 'text/xml; charset=utf-8',
      accept: 'text/xml',
      soapaction: `"${ACTION}"`,
      ...(cookie === '' ? {} : { cookie }),
    };
    const body = envelope(method, self, elements);
    const request = { product: this.product, method: 'POST' as const, url: `${this.server}/sdk`, headers, body };
    // A fault is a 500.
    const response = await this.http.send(signal === undefined ? request : { ...request, signal }, [500]);
    return { request, response };
  }
}

/** Whether an error says that something is not, or no longer, on the server. */
export function isMissing(error: unknown): boolean {
  return error instanceof FactoryError && error.type === 'NotFound';
}
