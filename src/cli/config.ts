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

/** The configuration file when --config names none. */
export const DEFAULT_CONFIG_FILE = '/etc/imagefactory/imagefactory.conf';
const DEFAULT_STORAGE = '/var/lib/imagefactory/storage';
const DEFAULT_IMGDIR = '/var/lib/imagefactory/images';

const seconds = z.coerce.number().int().positive();

/** Keys of the configuration file that have an effect: imagefactory's own first, then ours. */
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
  cloud_limits: z
    .record(
      z.string(),
      z.strictObject({
        max_concurrent_builds: z.number().int().positive().optional(),
        api_calls_per_second: z.number().positive().optional(),
      }),
    )
    .optional(),
  jeos_keep: z.number().int().nonnegative().optional(),
  insecure: z.boolean().optional(),
  payload_keys: z.string().min(1).optional(),
  deployment: z.string().min(1).optional(),
  build_id: z.string().min(1).optional(),
});
export type ConfigFile = z.infer<typeof FILE_KEYS>;

/** imagefactory's keys without an effect here. They give no warning, so that its configuration files can be used. */
const IGNORED_KEYS = new Set(
  (
    'no_ssl no_oauth ssl_pem port address foreground secondary plugins clients image_manager tdl_require_root_pw jeos_config ' +
    'max_concurrent_local_sessions max_concurrent_ec2_sessions ec2_ami_type ec2_image_format ec2-32bit-util ec2-64bit-util ' +
    'ec2_32bit_util ec2_64bit_util rhevm_image_format openstack_image_format oz_data_dir oz_screenshot_dir proxy_ami_id'
  ).split(' '),
);

/** The settings of one run: from the command line, then the environment, then the configuration file, then defaults. */
export interface Settings {
  output: 'log' | 'json';
  debug: boolean;
  verbose: boolean;
  /** Seconds that the whole build may take. Undefined: the default of the parameter. */
  timeout?: number;
  /** Folder of the files that the worker fetches. */
  imgdir: string;
  /** Value for TMPDIR. */
  tmpdir?: string;
  storagePath: string;
  taskQueue: string;
  cloud: string;
  uiAddress?: string;
  metricsAddress?: string;
  healthAddress?: string;
  logFormat: 'text' | 'json';
  /** Clouds that the worker serves. Undefined: every configured cloud. */
  clouds?: string[];
  /** Limits by name of cloud. They hold for all workers of the task queue together. */
  cloudLimits?: ConfigFile['cloud_limits'];
  /** CIDRs from which guests see the worker's connections. Undefined: the worker finds them out. */
  workerAddresses?: string[];
  /** Folders of the worker's machine whose files a template may name. */
  filesFrom?: string[];
  /** How many JEOS images the sweeper keeps in each cloud. */
  jeosKeep?: number;
  insecure: boolean;
  /** File of the payload keys; the environment's own keys are not part of the settings. */
  payloadKeysFile?: string;
  /** The worker's deployment and build id in Temporal: see `parseDeploymentVersion`. */
  deployment?: string;
  buildId?: string;
}

/** Options as yargs returns them; undefined when not given. */
export type GivenOptions = Record<string, unknown>;

/**
 * Reads a configuration file.
 *
 * @param path undefined: the default file, which need not exist
 * @throws UsageError for a file that cannot be read, is no JSON object, or has a key of the wrong type
 */
export function readConfigFile(path: string | undefined, warn: (text: string) => void): ConfigFile {
  const file = path ?? DEFAULT_CONFIG_FILE;
  const text = readText(file, path === undefined);
  if (text === undefined) return {};
  const given = parseObject(text, file);
  for (const key of Object.keys(given)) {
    if (!(key in FILE_KEYS.shape) && !IGNORED_KEYS.has(key)) warn(`${file}: there is no key "${key}"; it is ignored`);
  }
  const parsed = FILE_KEYS.safeParse(given);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new UsageError(`${file}: key "${first?.path.join('.') ?? ''}": ${first?.message ?? 'is wrong'}`);
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

/** Makes the settings of this run. @throws UsageError */
export function resolveSettings(options: GivenOptions, env: NodeJS.ProcessEnv, file: ConfigFile): Settings {
  const text = (name: string): string | undefined => lastValue(options[name]) as string | undefined;
  const flag = (name: string): boolean | undefined => lastValue(options[name]) as boolean | undefined;
  const timeout = text('timeout') === undefined ? file.timeout : parseSeconds('--timeout', text('timeout'));
  const list = (name: string): string[] | undefined =>
    options[name] === undefined ? undefined : [options[name]].flat().map(String);
  return withoutUndefined({
    output: (text('output') as 'log' | 'json' | undefined) ?? file.output ?? 'log',
    debug: flag('nodebug') === true ? false : (flag('debug') ?? file.debug ?? false),
    verbose: flag('verbose') ?? file.verbose ?? false,
    timeout,
    imgdir: text('imgdir') ?? file.imgdir ?? DEFAULT_IMGDIR,
    tmpdir: text('tmpdir') ?? file.tmpdir,
    storagePath: text('storage-path') ?? file.storage_path ?? file.image_manager_args?.storage_path ?? DEFAULT_STORAGE,
    taskQueue: text('task-queue') ?? file.task_queue ?? DEFAULT_TASK_QUEUE,
    // openstackclient gives the cloud of the OS_* variables the name `envvars`.
    cloud: text('cloud') ?? nonEmpty(env['OS_CLOUD']) ?? file.cloud ?? 'envvars',
    uiAddress: text('ui-address') ?? nonEmpty(env['TEMPORAL_UI_ADDRESS']) ?? file.ui_address,
    metricsAddress: text('metrics-address') ?? file.metrics_address,
    healthAddress: text('health-address') ?? file.health_address,
    logFormat: (text('log-format') as 'text' | 'json' | undefined) ?? file.log_format ?? 'text',
    clouds: list('serve-cloud') ?? file.clouds,
    cloudLimits: file.cloud_limits,
    workerAddresses: list('worker-address') ?? file.worker_addresses,
    filesFrom: list('files-from') ?? file.files_from,
    jeosKeep: text('jeos-keep') === undefined ? file.jeos_keep : parseCount('--jeos-keep', text('jeos-keep')),
    insecure: flag('insecure') ?? file.insecure ?? false,
    // Temporal's controller for Kubernetes sets these variables.
    deployment: text('deployment') ?? nonEmpty(env['TEMPORAL_DEPLOYMENT_NAME']) ?? file.deployment,
    buildId: text('build-id') ?? nonEmpty(env['TEMPORAL_WORKER_BUILD_ID']) ?? file.build_id,
    payloadKeysFile:
      text('payload-keys') ?? (nonEmpty(env[KEYS_VARIABLE]) === undefined ? file.payload_keys : undefined),
  });
}

/**
 * Loads the keys that everything sent to Temporal is encrypted with. Undefined: nothing is encrypted.
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

/** Parses a whole number from 0. @throws UsageError */
function parseCount(option: string, value: unknown): number {
  if (/^\d{1,9}$/.test(String(value).trim())) return Number(value);
  throw new UsageError(`${option}: ${JSON.stringify(value)} is not a whole number`);
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
