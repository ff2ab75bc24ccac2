import { connect } from 'node:net';
import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { createDataConverter } from '../codec/data-converter.js';
import { readPayloadKeysFromEnv, type PayloadKeys } from '../codec/keys.js';
import { ClientError, TemporalUnavailableError } from './errors.js';

/** Temporal task queue that the workers poll by default. */
export const DEFAULT_TASK_QUEUE = 'imagefactory';
/** Milliseconds that one call to Temporal may take. */
const CALL_TIMEOUT = 10_000;

/** A connection to a Temporal namespace, and the task queue of its imagefactory workers. */
export interface ImageFactoryClient {
  /** Temporal's own client, for requests that this library has no function for. */
  readonly temporal: Client;
  /** The connection that `temporal` uses. */
  readonly connection: Connection;
  /** Temporal's address: `host:port`. */
  readonly address: string;
  /** Temporal namespace. */
  readonly namespace: string;
  /** Task queue of the workers. */
  readonly taskQueue: string;
  /** Address of the Temporal UI, without a trailing slash. Unset when the address is not known. */
  readonly uiAddress?: string;
  /** Runs a call to Temporal, and fails after `milliseconds` (default 10 000). */
  withTimeout<T>(run: () => Promise<T>, milliseconds?: number): Promise<T>;
  /** Closes the connection. Running builds continue. */
  close(): Promise<void>;
}

/** How to connect to Temporal. Every option has a default. */
export interface ConnectOptions {
  /** Temporal's address, `host:port`. Default: `TEMPORAL_ADDRESS`, then `temporal.toml`, then `127.0.0.1:7233`. */
  address?: string | undefined;
  /** Temporal namespace. Default: `TEMPORAL_NAMESPACE`, then `temporal.toml`, then `default`. */
  namespace?: string | undefined;
  /**
   * More options of Temporal's SDK, such as `tls` and `apiKey`. Each option overrides its `TEMPORAL_*` variable
   * (https://docs.temporal.io/develop/environment-configuration).
   */
  connection?: Omit<ConnectionOptions, 'address' | 'connectTimeout'> | undefined;
  /** Task queue of the workers. Default `imagefactory`. */
  taskQueue?: string | undefined;
  /**
   * Address of the Temporal UI, for links. Default: the UI of the development server or of Temporal Cloud, if `address`
   * belongs to one of these; else there are no links.
   */
  uiAddress?: string | undefined;
  /** Environment variables to read. Default: those of the process. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Keys that encrypt everything sent to Temporal. Default: `IMAGEFACTORY_PAYLOAD_KEYS`; else no encryption. */
  payloadKeys?: PayloadKeys | undefined;
  /** Milliseconds after which connecting fails. Default 5000. */
  connectTimeout?: number | undefined;
}

/**
 * Connects to Temporal. As in every Temporal client, an option overrides its `TEMPORAL_*` variable, and the variable
 * overrides the profile in `temporal.toml`. The default address is `127.0.0.1:7233`.
 *
 * @example
 * const client = await connectImageFactory({ address: 'temporal.example.org:7233', taskQueue: 'images' });
 *
 * @throws TemporalUnavailableError when Temporal does not answer
 * @throws ClientError `InvalidConfiguration` when the Temporal configuration cannot be used
 * @throws FactoryError `InvalidParameter` when the payload keys are wrong
 */
export async function connectImageFactory(options: ConnectOptions = {}): Promise<ImageFactoryClient> {
  const { env = process.env, connectTimeout = 5000, taskQueue = DEFAULT_TASK_QUEUE } = options;
  const configured = loadConfig(env);
  const payloadKeys = options.payloadKeys ?? readPayloadKeysFromEnv(env);
  const connectionOptions = { ...(configured.connectionOptions as ConnectionOptions), ...options.connection };
  const address = options.address ?? connectionOptions.address ?? '127.0.0.1:7233';
  const namespace = options.namespace ?? configured.namespace ?? 'default';
  const connection = await open({ ...connectionOptions, connectTimeout }, address);
  const uiAddress = options.uiAddress ?? findUiAddress(address);
  return {
    temporal: new Client({ connection, namespace, dataConverter: createDataConverter(payloadKeys) }),
    connection,
    address,
    namespace,
    taskQueue,
    ...(uiAddress === undefined ? {} : { uiAddress: uiAddress.replace(/\/+$/, '') }),
    withTimeout: (run, milliseconds = CALL_TIMEOUT) => connection.withDeadline(Date.now() + milliseconds, run),
    close: () => connection.close(),
  };
}

function loadConfig(env: NodeJS.ProcessEnv): ClientConnectConfig {
  const defined = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    return loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(defined) });
  } catch (error) {
    throw new ClientError(
      'InvalidConfiguration',
      `the Temporal configuration cannot be used: ${describeError(error)}`,
      { hint: 'check the TEMPORAL_* variables and temporal.toml', cause: error },
    );
  }
}

async function open(options: ConnectionOptions, address: string): Promise<Connection> {
  try {
    await probe(address, Number(options.connectTimeout));
    return await Connection.connect({ ...options, address });
  } catch (error) {
    throw new TemporalUnavailableError(`Temporal does not answer at ${address}: ${describeError(error)}`, {
      hint: 'start a development server with `imagefactory dev start`, or set TEMPORAL_ADDRESS to the address of another server',
      cause: error,
    });
  }
}

/**
 * Opens and closes a TCP connection, to report a refused connection or an unknown host at once. gRPC would retry until
 * its deadline, and then report only the deadline. Does nothing if the environment has a proxy variable.
 */
async function probe(address: string, milliseconds: number): Promise<void> {
  if (['grpc_proxy', 'https_proxy', 'http_proxy'].some((name) => process.env[name])) return;
  const { host, port } = splitAddress(address);
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port });
    const finish = (settle: () => void): void => {
      socket.destroy();
      settle();
    };
    socket.setTimeout(milliseconds, () =>
      finish(() => reject(new Error(`no connection within ${milliseconds / 1000} s`))),
    );
    socket.once('connect', () => finish(resolve));
    socket.once('error', (error) => finish(() => reject(error)));
  });
}

/** Describes an error in one line: with the innermost message, because gRPC wraps an error several times. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The details of a gRPC error are a text. The details of a failed activity (ApplicationFailure) are an array of
  // values, which we do not show.
  const { details } = error as { details?: unknown };
  const said = typeof details === 'string' ? details : '';
  if (error.cause instanceof Error && said === '') return describeError(error.cause);
  if (/connect before the deadline/.test(error.message)) return 'no connection in time';
  return (said || error.message).split('\n')[0]?.trim() || error.name;
}

/**
 * Finds the UI of a Temporal address. The port of the development server's UI is the server's port plus 1000. Temporal
 * Cloud has one UI for all users. Returns undefined for any other address.
 */
export function findUiAddress(address: string): string | undefined {
  const { host, port } = splitAddress(address);
  if (/^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(host)) return `http://${host}:${port + 1000}`;
  if (/\.(tmprl\.cloud|api\.temporal\.io)$/.test(host)) return 'https://cloud.temporal.io';
  return undefined;
}

function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\w+:\/\/)?(.*?)(?::(\d+))?$/.exec(address);
  return { host: match?.[1] ?? address, port: Number(match?.[2] ?? 7233) };
}

/** Builds the address of a workflow's page in the Temporal UI. Returns undefined when the UI's address is not known. */
export function workflowPageUrl(client: ImageFactoryClient, workflowId: string): string | undefined {
  const { uiAddress, namespace } = client;
  if (uiAddress === undefined) return undefined;
  return `${uiAddress}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}
