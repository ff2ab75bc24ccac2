import { FactoryError } from '../domain/errors.js';
import {
  hasEnvironmentCloud,
  nameEnvironmentCloud,
  readEntrySettings,
  readEnvironmentSettings,
} from './config/cloud-config.js';
import type { RateLimiter } from '../http/rate-limiter.js';
import { Nova } from './compute/nova.js';
import { type CloudEntry, type Environment, readCloudEntries, describeSearchPath } from './config/clouds-yaml.js';
import { type Deadlines, HttpClient } from '../http/http.js';
import { Session } from './auth/keystone-session.js';
import { Glance } from './image/glance.js';
import { Neutron } from './network/neutron.js';
import type { CloudSettings } from './config/cloud-settings.js';
import type { Cloud, Clouds } from './types.js';
import { Cinder } from './volume/cinder.js';

/** Builds the clients of one cloud. They send nothing before their first call. */
export function connectCloud(settings: CloudSettings, deadlines?: Deadlines, pace?: RateLimiter): Cloud {
  const http = new HttpClient(settings.name, settings.tls, deadlines, pace);
  const session = new Session(http, settings);
  return {
    name: settings.name,
    region: settings.region,
    compute: new Nova(session),
    image: new Glance(session),
    network: new Neutron(session),
    volume: new Cinder(session),
    getProjectId: async (options) => (await session.token(options?.signal)).projectId,
    close: () => http.close(),
  };
}

export interface ConnectOptions {
  /** The environment variables to read. Default: this process's environment. */
  env?: Environment;
  /** The folder of `./clouds.yaml` and of relative paths. Default: the current directory. */
  directory?: string;
  /** Names of the clouds that the caller wants. Default: every configured cloud. */
  only?: string[];
  /** Time limits of the calls. Default {@link DEADLINES}. */
  deadlines?: Deadlines;
  /** Returns the rate limiter of a cloud's calls; undefined means no limit. Default: no cloud has a limit. */
  rateLimiterFor?: (cloud: string) => RateLimiter | undefined;
  /**
   * Called with a sentence for each key of a cloud's configuration that openstackclient would use and we do not use.
   */
  warn?: (remark: string) => void;
}

/**
 * Connects to the clouds of `clouds.yaml`, and to `envvars` if the `OS_*` variables describe a cloud. Reads the files
 * at once, but checks the settings of a cloud only at the first `get` of that cloud.
 * @throws FactoryError UnknownCloud when a file is not readable, or `only` names a cloud that is not configured
 */
export function connectClouds(options: ConnectOptions = {}): Clouds {
  const { env = process.env, directory = process.cwd(), only, deadlines, rateLimiterFor: paceOf, warn } = options;
  const entries = new Map<string, CloudEntry>(readCloudEntries(env, directory).map((entry) => [entry.name, entry]));
  const environment = nameEnvironmentCloud(env);
  const configured = [...entries.keys()];
  if (hasEnvironmentCloud(env) && !entries.has(environment)) configured.push(environment);
  for (const name of only ?? []) requireConfigured(name);
  const known = configured.filter((name) => only === undefined || only.includes(name));
  const connected = new Map<string, Cloud>();

  function requireConfigured(name: string): void {
    if (configured.includes(name)) return;
    const hint =
      name === environment
        ? 'set OS_AUTH_URL and the other OS_* variables, or OS_CLOUD to a cloud of clouds.yaml'
        : `this program searches for clouds.yaml at ${describeSearchPath(env, directory)}`;
    const list =
      configured.length === 0 ? 'no cloud is configured' : `the configured clouds are ${configured.join(', ')}`;
    throw new FactoryError('UnknownCloud', `there is no cloud ${name}: ${list}`, { hint });
  }

  function get(name: string): Cloud {
    const existing = connected.get(name);
    if (existing !== undefined) return existing;
    requireConfigured(name);
    if (!known.includes(name)) {
      const message = `cloud ${name} is configured, but this worker serves only ${known.join(', ')}`;
      throw new FactoryError('UnknownCloud', message, {
        hint: 'start the worker with `--serve-cloud` for this cloud too, or without that option',
      });
    }
    const entry = entries.get(name);
    const settings =
      entry === undefined ? readEnvironmentSettings(env, directory) : readEntrySettings(entry, env, directory);
    for (const remark of settings.remarks ?? []) warn?.(remark);
    const cloud = connectCloud(settings, deadlines, paceOf?.(name));
    connected.set(name, cloud);
    return cloud;
  }

  return {
    get,
    names: () => [...known],
    close: async () => {
      await Promise.all([...connected.values()].map((cloud) => cloud.close()));
    },
  };
}
