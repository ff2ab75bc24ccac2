import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { FactoryError } from '../../../src/domain/errors.js';
import { buildTokenRequest } from '../../../src/openstack/auth/token-requests.js';
import { readEntrySettings, readEnvironmentSettings } from '../../../src/openstack/config/cloud-config.js';
import { type Environment, readCloudEntries } from '../../../src/openstack/config/clouds-yaml.js';
import type { CloudSettings } from '../../../src/openstack/config/cloud-settings.js';
import { type CloudAnswer, layOut } from './answers.js';
import type { CloudShape } from './shapes.js';

const SERVICES = ['compute', 'image', 'network', 'block-storage'];

function byService(read: (service: string) => unknown): Record<string, unknown> {
  const given = SERVICES.map((service) => [service, read(service)] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && String(value) !== 'public'));
}

/**
 * Converts our settings to the format of the recorded openstacksdk results (`answers.ts`), so that a test can compare
 * both.
 */
function describeSettings(settings: CloudSettings): Record<string, unknown> {
  const { auth } = JSON.parse(String(buildTokenRequest('', settings).body)) as { auth: Record<string, unknown> };
  const { tls, serviceEndpoints: own = {} } = settings;
  const whole = {
    authUrl: settings.authUrl,
    identity: auth['identity'],
    scope: auth['scope'],
    regions: byService((service) => own[service]?.region ?? settings.region),
    interfaces: byService((service) => own[service]?.interfaces ?? settings.interfaces),
    addresses: byService((service) => settings.endpointOverrides[service]),
    insecure: tls.insecure === true ? true : undefined,
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
  };
  const isEmpty = (value: unknown): boolean => value === undefined || JSON.stringify(value) === '{}';
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => !isEmpty(value)));
}

/** Reads a shape as the worker does. */
export function readShape(shape: CloudShape): CloudAnswer {
  const place = layOut(shape);
  try {
    const env: Environment = { ...shape.env, HOME: join(place, 'home') };
    const directory = join(place, 'here');
    const entry = readCloudEntries(env, directory).find(({ name }) => name === shape.cloud);
    if (entry !== undefined) return describeSettings(readEntrySettings(entry, env, directory));
    if (env['OS_AUTH_URL'] === undefined) return { refused: 'there is no such cloud' };
    return describeSettings(readEnvironmentSettings(env, directory));
  } catch (error) {
    if (error instanceof FactoryError) return { refused: error.message };
    throw error;
  } finally {
    rmSync(place, { recursive: true });
  }
}
