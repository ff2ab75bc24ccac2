import { readFile } from 'node:fs/promises';
import type { EBS } from '@aws-sdk/client-ebs';
import type { EC2 } from '@aws-sdk/client-ec2';
import { asRetryable, FactoryError } from '../../domain/errors.js';
import { loadPackage } from '../load-package.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation, ProviderSettings } from '../types.js';
import { type Ec2Configuration, readCredentials } from './configuration.js';
import { hasCode, toFactoryError } from './errors.js';

/** Blocks that are sent at the same time. EBS takes some seconds for one, and 1000 a second for a snapshot. */
export const CONNECTIONS = 32;
/** Milliseconds until a connection must stand. */
const CONNECT_TIMEOUT = 10_000;
/** Milliseconds until a call must be answered. */
const CALL_TIMEOUT = 120_000;

/** Milliseconds until a block must be answered: 32 of them share the worker's line, which may be slow. */
const BLOCK_TIMEOUT = 600_000;

/** What the SDK's methods take beside their input. */
export type SendOptions = { abortSignal: AbortSignal; requestTimeout: number };

/** The two services of AWS in one region. */
export interface Region {
  readonly name: string;
  readonly ec2: EC2;
  readonly ebs: EBS;
}

/** The services of AWS that a provider uses, and how it calls them. */
export class Aws {
  private readonly regions = new Map<string, Region>();

  private constructor(
    private readonly settings: ProviderSettings<Ec2Configuration>,
    private readonly ca: string | undefined,
    private readonly Ec2Client: typeof EC2,
    private readonly EbsClient: typeof EBS,
  ) {}

  /** Loads the SDK. @throws FactoryError InvalidParameter: a package or the file of the authority is missing */
  static async load(settings: ProviderSettings<Ec2Configuration>): Promise<Aws> {
    const { ca } = settings.configuration;
    const pem = ca === undefined ? undefined : await readAuthority(ca);
    const { EC2 } = await loadPackage('@aws-sdk/client-ec2', () => import('@aws-sdk/client-ec2'));
    const { EBS } = await loadPackage('@aws-sdk/client-ebs', () => import('@aws-sdk/client-ebs'));
    return new Aws(settings, pem, EC2, EBS);
  }

  get home(): Region {
    return this.region(this.settings.configuration.region);
  }

  region(name: string): Region {
    const known = this.regions.get(name);
    if (known !== undefined) return known;
    const { configuration } = this.settings;
    const { endpoints, profile, region } = configuration;
    const credentials = readCredentials(this.settings);
    const agent = { keepAlive: true, maxSockets: CONNECTIONS + 4 };
    const options = {
      region: name,
      // The part of an upload is what is tried again, by our own rules: see `call`.
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT,
        requestTimeout: CALL_TIMEOUT,
        throwOnRequestTimeout: true,
        httpAgent: agent,
        httpsAgent: { ...agent, ca: this.ca },
      },
      ...(profile !== undefined && { profile }),
      ...(credentials !== undefined && { credentials }),
    };
    // An endpoint that has the name of a region in its own is for that region only.
    const isHere = (url: string | undefined): url is string =>
      url !== undefined && (name === region || !url.includes(region));
    const { ec2, ebs } = endpoints;
    const made: Region = {
      name,
      ec2: new this.Ec2Client({ ...options, ...(isHere(ec2) && { endpoint: ec2 }) }),
      ebs: new this.EbsClient({ ...options, ...(isHere(ebs) && { endpoint: ebs }) }),
    };
    this.regions.set(name, made);
    return made;
  }

  /**
   * Calls a service, and tries again when the failure is one that passes. The call must be safe to run twice.
   *
   * @param action the permission that the call needs: `ec2:RegisterImage`
   * @param transient codes of failures that pass, at this call
   */
  async call<T>(
    operation: Operation,
    region: Region,
    action: `${'ec2' | 'ebs'}:${string}`,
    send: (options: SendOptions) => Promise<T>,
    transient: readonly string[] = [],
  ): Promise<T> {
    const service = action.startsWith('ebs:') ? 'EBS' : 'EC2';
    const requestTimeout = action === 'ebs:PutSnapshotBlock' ? BLOCK_TIMEOUT : CALL_TIMEOUT;
    return retryPart(operation, async () => {
      try {
        return await send({ abortSignal: operation.signal, requestTimeout });
      } catch (error) {
        operation.signal.throwIfAborted();
        const failure = toFactoryError(`${service} in ${region.name} (provider ${this.settings.name})`, action, error);
        throw hasCode(failure, ...transient) ? asRetryable(failure) : failure;
      }
    });
  }

  close(): void {
    for (const { ec2, ebs } of this.regions.values()) {
      ec2.destroy();
      ebs.destroy();
    }
    this.regions.clear();
  }
}

async function readAuthority(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FactoryError('InvalidParameter', `the file ${path}, \`ca\` of the provider, cannot be read`, {
      cause: error,
    });
  }
}
