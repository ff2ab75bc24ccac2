import { connect } from 'node:net';
import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { createDataConverter } from '../codec/data-converter.js';
import { readPayloadKeysFromEnv, type PayloadKeys } from '../codec/keys.js';
import { ClientError } from './errors.js';

/** Temporal task queue of the workers, where nothing else is said. */
export const DEFAULT_TASK_QUEUE = 'imagefactory';
/** Milliseconds that one call to Temporal may take. */
const CALL_TIMEOUT = 10_000;

/** Where builds are started and watched: a Temporal namespace and the task queue of its imagefactory workers. */
export interface ImageFactoryClient {
  client: Client;
  connection: Connection;
  address: string;
  namespace: string;
  taskQueue: string;
  /** Address of the Temporal UI, without a trailing slash, where it is known. */
  uiAddress?: string;
  /** Runs a call to Temporal under a deadline (default 10 s). */
  call<T>(run: () => Promise<T>, milliseconds?: number): Promise<T>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Default `imagefactory`. */
  taskQueue?: string;
  /** Default: the development server's, where the address looks like one, or Temporal Cloud's. */
  uiAddress?: string;
  /** Environment to read TEMPORAL_* from. Default: the process's own. */
  env?: NodeJS.ProcessEnv;
  /** What everything that enters Temporal is encrypted with. Default: IMAGEFACTORY_PAYLOAD_KEYS, else nothing is. */
  payloadKeys?: PayloadKeys;
  /** Milliseconds until the attempt to connect is given up. Default 5000. */
  connectTimeout?: number;
}

/**
 * Connects to Temporal as every Temporal client does: TEMPORAL_* variables, then the profile of `temporal.toml`, then
 * localhost:7233 (https://docs.temporal.io/develop/environment-configuration).
 *
 * @throws ClientError when the configuration is wrong, or Temporal does not answer
 * @throws FactoryError InvalidParameter when the payload keys are wrong
 */
export async function connectImageFactory(options: ConnectOptions = {}): Promise<ImageFactoryClient> {
  const env = options.env ?? process.env;
  const { connectionOptions, namespace = 'default' } = loadConfig(env);
  const payloadKeys = options.payloadKeys ?? readPayloadKeysFromEnv(env);
  const address = connectionOptions.address ?? '127.0.0.1:7233';
  const connection = await open(
    { ...(connectionOptions as ConnectionOptions), address, connectTimeout: options.connectTimeout ?? 5000 },
    address,
  );
  const uiAddress = options.uiAddress ?? findUiAddress(address);
  return {
    client: new Client({ connection, namespace, dataConverter: createDataConverter(payloadKeys) }),
    connection,
    address,
    namespace,
    taskQueue: options.taskQueue ?? DEFAULT_TASK_QUEUE,
    ...(uiAddress === undefined ? {} : { uiAddress: uiAddress.replace(/\/+$/, '') }),
    call: (run, milliseconds = CALL_TIMEOUT) => connection.withDeadline(Date.now() + milliseconds, run),
    close: () => connection.close(),
  };
}

function loadConfig(env: NodeJS.ProcessEnv): ClientConnectConfig {
  const defined = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    return loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(defined) });
  } catch (error) {
    throw new ClientError(`the Temporal configuration cannot be used: ${errorReason(error)}`, {
      hint: 'look at the TEMPORAL_* variables and at temporal.toml',
      cause: error,
    });
  }
}

async function open(options: ConnectionOptions, address: string): Promise<Connection> {
  try {
    await probe(address, Number(options.connectTimeout));
    return await Connection.connect(options);
  } catch (error) {
    throw new ClientError(`Temporal does not answer at ${address}: ${errorReason(error)}`, {
      hint: 'start a development server with `imagefactory dev start`, or name another with TEMPORAL_ADDRESS',
      cause: error,
    });
  }
}

/**
 * Opens and closes a TCP connection. gRPC goes on trying until its deadline and then says only that; a refused
 * connection or an unknown host is known at once. Behind a proxy there is nothing to probe.
 */
async function probe(address: string, milliseconds: number): Promise<void> {
  if (['grpc_proxy', 'https_proxy', 'http_proxy'].some((name) => process.env[name])) return;
  const { host, port } = splitAddress(address);
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port });
    const done = (settle: () => void): void => {
      socket.destroy();
      settle();
    };
    socket.setTimeout(milliseconds, () =>
      done(() => reject(new Error(`no connection within ${milliseconds / 1000} s`))),
    );
    socket.once('connect', () => done(resolve));
    socket.once('error', (error) => done(() => reject(error)));
  });
}

/** gRPC wraps what happened several times over; people want the innermost sentence, on one line. */
export function errorReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const grpc = error as Error & { details?: string };
  if (error.cause instanceof Error && !grpc.details) return errorReason(error.cause);
  if (/connect before the deadline/.test(error.message)) return 'no connection in time';
  return (grpc.details || error.message).split('\n')[0]?.trim() ?? 'unknown';
}

/**
 * The UI that belongs to an address: the development server's is 1000 ports above its own on the same machine, Temporal
 * Cloud has one for everybody. Anything else would be a guess.
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

/** The page of a workflow in the Temporal UI, where its address is known. */
export function workflowPage(factory: ImageFactoryClient, workflowId: string): string | undefined {
  if (factory.uiAddress === undefined) return undefined;
  return `${factory.uiAddress}/namespaces/${encodeURIComponent(factory.namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}

/** Whether a worker has asked for work on the factory's task queue lately (Temporal remembers it for five minutes). */
export async function hasWorkers(factory: ImageFactoryClient): Promise<boolean> {
  const { pollers } = await factory.call(() =>
    factory.connection.workflowService.describeTaskQueue({
      namespace: factory.namespace,
      taskQueue: { name: factory.taskQueue },
      taskQueueType: 1, // TASK_QUEUE_TYPE_WORKFLOW
    }),
  );
  // A long poll lasts a minute: who has not come back since then is gone.
  const since = Date.now() - 70_000;
  return (pollers ?? []).some((poller) => Number(poller.lastAccessTime?.seconds ?? 0) * 1000 > since);
}
