import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  DEFAULT_TASK_QUEUE,
  describeFileError,
  readPayloadKeysFromEnv,
  readPayloadKeys,
  type PayloadKeys,
} from '../client/index.js';
import { KEYS_VARIABLE } from '../codec/keys.js';
import { UsageError } from './errors.js';

/** The configuration file that is read when --config names none. */
export const DEFAULT_CONFIG_FILE = '/etc/imagefactory/imagefactory.conf';
const DEFAULT_STORAGE = '/var/lib/imagefactory/storage';
/** The folder for a worker's downloads when nothing names another one. */
export const DEFAULT_IMGDIR = '/var/lib/imagefactory/images';

const seconds = z.coerce.number().int().positive();

/** Keys of the configuration file that have an effect: first those of the original imagefactory (Python), then ours. */
const FILE_KEYS = z.object({
  debug: z.boolean().optional(),
  verbose: z.boolean().optional(),
  output: z.enum(['log', 'json']).optional(),
  raw: z.boolean().optional(),
  timeout: seconds.optional(),
  imgdir: z.string().optional(),
  tmpdir: z.string().optional(),
  image_manager_args: z.object({ storage_path: z.string().optional() }).loose().optional(),
  storage_path: z.string().optional(),
  task_queue: z.string().min(1).optional(),
  cloud: z.string().min(1).optional(),
  ui_address: z.string().optional(),
  metrics_address: z.string().optional(),
  health_address: z.string().optional(),
  log_format: z.enum(['text', 'json']).optional(),
  clouds: z.array(z.string()).optional(),
  worker_addresses: z.array(z.string()).optional(),
  files_from: z.array(z.string()).optional(),
  allow_addresses: z.array(z.string()).optional(),
  lanes: z.array(z.string()).optional(),
  image_cache: z.number().int().nonnegative().optional(),
  cloud_limits: z
    .record(
      z.string(),
      z.strictObject({
        max_concurrent_builds: z.number().int().positive().optional(),
        api_calls_per_second: z.number().positive().optional(),
      }),
    )
    .optional(),
  providers: z.record(z.string(), z.looseObject({ kind: z.string() })).optional(),
  jeos_keep: z.number().int().nonnegative().optional(),
  insecure: z.boolean().optional(),
  payload_keys: z.string().min(1).optional(),
  deployment: z.string().min(1).optional(),
  build_id: z.string().min(1).optional(),
});
export type ConfigFile = z.infer<typeof FILE_KEYS>;

/**
 * Keys of the original imagefactory (Python) that have no effect here. They give no warning, so that users can keep
 * their configuration files.
 */
const IGNORED_KEYS = new Set(
  (
    'no_ssl no_oauth ssl_pem port address foreground secondary plugins clients image_manager tdl_require_root_pw jeos_config ' +
    'max_concurrent_local_sessions max_concurrent_ec2_sessions ec2_ami_type ec2_image_format ec2-32bit-util ec2-64bit-util ' +
    'ec2_32bit_util ec2_64bit_util rhevm_image_format openstack_image_format oz_data_dir oz_screenshot_dir proxy_ami_id'
  ).split(' '),
);

/**
 * The settings of one run. The command line overrides the environment, and the environment overrides the configuration
 * file. A setting that none of the three gives has its default.
 */
export interface Settings {
  /** `dot` only for the command `lineage`. */
  output: 'log' | 'json' | 'dot';
  debug: boolean;
  verbose: boolean;
  /** Seconds that the whole build may take. Unset: the default of the parameter `timeout`. */
  timeout?: number;
  /** Folder where the worker keeps the files that it downloads. */
  imgdir: string;
  /** Value for the environment variable TMPDIR. Unset: TMPDIR stays as it is. */
  tmpdir?: string;
  storagePath: string;
  taskQueue: string;
  cloud: string;
  uiAddress?: string;
  metricsAddress?: string;
  healthAddress?: string;
  logFormat: 'text' | 'json';
  /** Clouds that the worker serves. Unset: every configured cloud. */
  clouds?: string[];
  /** Limits for each cloud, by the name of the cloud. A limit applies to all workers of the task queue together. */
  cloudLimits?: ConfigFile['cloud_limits'];
  /** Services to which images are pushed, by the name that users give them. Each kind checks its own entries. */
  providers?: ConfigFile['providers'];
  /**
   * CIDRs of the addresses from which the worker reaches the guests, as the guests see them. Unset: the worker finds
   * out its address.
   */
  workerAddresses?: string[];
  /** Folders of the worker's machine whose files a template may use. Unset: none. */
  filesFrom?: string[];
  /** CIDRs of addresses, denied by default, to which the worker may connect for a template. Unset: none. */
  allowAddresses?: string[];
  /** Kinds of task queue that the worker polls. Unset: all. */
  lanes?: string[];
  /** GiB that the worker's image cache keeps. Unset: 50. */
  imageCache?: number;
  /** How many JEOS images the sweeper keeps in each cloud. Unset: 10. */
  jeosKeep?: number;
  insecure: boolean;
  /** File of the payload keys. Unset when the environment has the keys, or when there are none. */
  payloadKeysFile?: string;
  /** The worker's deployment and build id in Temporal: see `parseDeploymentVersion`. */
  deployment?: string;
  buildId?: string;
}

/** Options as yargs returns them. An option that is not given is undefined. */
export type GivenOptions = Record<string, unknown>;

/**
 * Reads a configuration file.
 *
 * @param path path of the file; undefined means the default file, which need not exist
 * @throws UsageError when the file cannot be read, is not a JSON object, or has a key with a value of the wrong type
 */
export function readConfigFile(path: string | undefined, warn: (text: string) => void): ConfigFile {
  const file = path ?? DEFAULT_CONFIG_FILE;
  const text = readText(file, path === undefined);
  if (text === undefined) return {};
  const given = parseObject(text, file);
  for (const key of Object.keys(given)) {
    if (!(key in FILE_KEYS.shape) && !IGNORED_KEYS.has(key))
      warn(`${file}: the key "${key}" is unknown and is ignored`);
  }
  const parsed = FILE_KEYS.safeParse(given);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new UsageError(`${file}: key "${first?.path.join('.') ?? ''}": ${first?.message ?? 'the value is wrong'}`);
}

function readText(file: string, mayBeMissing: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (mayBeMissing && (code === 'ENOENT' || code === 'EACCES')) return undefined;
    throw new UsageError(`cannot read the configuration file ${file}: ${describeFileError(error)}`);
  }
}

function parseObject(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${file} must hold a JSON object`);
  }
  return value as Record<string, unknown>;
}

/** Makes the settings of this run. @throws UsageError when a number is wrong */
export function resolveSettings(options: GivenOptions, env: NodeJS.ProcessEnv, file: ConfigFile): Settings {
  const text = (name: string): string | undefined => lastValue(options[name]) as string | undefined;
  const flag = (name: string): boolean | undefined => lastValue(options[name]) as boolean | undefined;
  const timeout = text('timeout') === undefined ? file.timeout : parseSeconds('--timeout', text('timeout'));
  const list = (name: string): string[] | undefined =>
    options[name] === undefined ? undefined : [options[name]].flat().map(String);
  return withoutUndefined({
    output: (text('output') as Settings['output'] | undefined) ?? file.output ?? 'log',
    debug: flag('nodebug') === true ? false : (flag('debug') ?? file.debug ?? false),
    verbose: flag('verbose') ?? file.verbose ?? false,
    timeout,
    imgdir: text('imgdir') ?? file.imgdir ?? DEFAULT_IMGDIR,
    tmpdir: text('tmpdir') ?? file.tmpdir,
    storagePath: text('storage-path') ?? file.storage_path ?? file.image_manager_args?.storage_path ?? DEFAULT_STORAGE,
    taskQueue: text('task-queue') ?? file.task_queue ?? DEFAULT_TASK_QUEUE,
    // As in openstackclient, `envvars` is the name of the cloud that the OS_* variables describe.
    cloud: text('cloud') ?? nonEmpty(env['OS_CLOUD']) ?? file.cloud ?? 'envvars',
    uiAddress: text('ui-address') ?? nonEmpty(env['TEMPORAL_UI_ADDRESS']) ?? file.ui_address,
    metricsAddress: text('metrics-address') ?? file.metrics_address,
    healthAddress: text('health-address') ?? file.health_address,
    logFormat: (text('log-format') as 'text' | 'json' | undefined) ?? file.log_format ?? 'text',
    clouds: list('serve-cloud') ?? file.clouds,
    cloudLimits: file.cloud_limits,
    providers: file.providers,
    workerAddresses: list('worker-address') ?? file.worker_addresses,
    filesFrom: list('files-from') ?? file.files_from,
    allowAddresses:
      list('allow-address') ??
      nonEmpty(env['IMAGEFACTORY_ALLOW_ADDRESSES'])
        ?.split(/[\s,]+/)
        .filter(Boolean) ??
      file.allow_addresses,
    lanes: list('lanes')?.flatMap((names) => names.split(',')) ?? file.lanes,
    imageCache: text('image-cache') === undefined ? file.image_cache : parseCount('--image-cache', text('image-cache')),
    jeosKeep: text('jeos-keep') === undefined ? file.jeos_keep : parseCount('--jeos-keep', text('jeos-keep')),
    insecure: flag('insecure') ?? file.insecure ?? false,
    // Temporal's controller for Kubernetes sets the variables that are read here.
    deployment: text('deployment') ?? nonEmpty(env['TEMPORAL_DEPLOYMENT_NAME']) ?? file.deployment,
    buildId: text('build-id') ?? nonEmpty(env['TEMPORAL_WORKER_BUILD_ID']) ?? file.build_id,
    payloadKeysFile:
      text('payload-keys') ?? (nonEmpty(env[KEYS_VARIABLE]) === undefined ? file.payload_keys : undefined),
  });
}

/**
 * Loads the keys that encrypt the payloads sent to Temporal. Returns undefined when there are no keys: then nothing is
 * encrypted.
 *
 * @throws FactoryError InvalidParameter when the keys are wrong
 */
export function loadPayloadKeys({ payloadKeysFile }: Settings, env: NodeJS.ProcessEnv): PayloadKeys | undefined {
  return payloadKeysFile === undefined ? readPayloadKeysFromEnv(env) : readPayloadKeys(payloadKeysFile);
}

/** Returns the last value of an option that takes one value and was given several times. */
export function lastValue(value: unknown): unknown {
  return Array.isArray(value) ? value.at(-1) : value;
}

/** Parses a whole number, 0 or more. @throws UsageError */
function parseCount(option: string, value: unknown): number {
  if (/^\d{1,9}$/.test(String(value).trim())) return Number(value);
  throw new UsageError(`${option} must be a whole number from 0 to 999999999, but it is ${JSON.stringify(value)}`);
}

/** Parses a whole number of seconds above 0. @throws UsageError */
export function parseSeconds(option: string, value: unknown): number {
  const parsed = seconds.safeParse(value === '' ? undefined : value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${option}: ${JSON.stringify(value)} is not a whole number of seconds above 0`);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

function withoutUndefined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}
