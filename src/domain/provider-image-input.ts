import { defined } from './defined.js';
import { FactoryError } from './errors.js';
import type { ResumeRequest } from './messages.js';
import { parseParameters } from './parameters.js';
import type { SealedCredentials } from './sealed-credentials.js';

/** Where an image is pushed to. */
export interface ProviderChoice {
  /** Name of a provider in the worker's configuration; or the name of the file that describes it. */
  name: string;
  /** What the user's file says of the provider. Unset: the worker's configuration has it. */
  definition?: Readonly<Record<string, unknown>>;
  /** Credentials that the user has given. Unset: the worker's own. */
  credentials?: SealedCredentials;
}

/** Input of providerImage: pushes a target image to a provider, and registers it there. */
export interface ProviderImageInput {
  /**
   * The provider image's UUID, which the client derives from the target image and the provider; the workflow's id is
   * `provider_image-<uuid>`.
   */
  uuid: string;
  /** UUID of the target image. */
  targetImage: string;
  provider: ProviderChoice;
  /** The cloud that has the base image, by its name on the worker. */
  cloud: string;
  parameters: ProviderParameters;
  /**
   * Whether the target image may still be made, so that this build waits for it. Default false: it must be complete.
   */
  waitForTarget?: boolean;
  /** Seconds without a heartbeat after which Temporal tries a step again, on any worker. */
  heartbeatTimeout?: number;
}

/** How an image is pushed. None of these makes another image. */
export interface ProviderParameters {
  /** Accounts, projects or tenants that may use the image, with commas between them. Default: none. */
  share?: string;
  /** Most bytes a second that the upload sends. Default: no limit. */
  upload_rate?: number;
  /** Seconds that the upload may take with all its attempts. Default 86 400. */
  upload_timeout?: number;
  /** What happens when a step fails: the build ends, or is held until a user decides. Default `cleanup`. */
  on_error?: 'cleanup' | 'hold';
  /** Seconds for which a held build waits for a decision. Default 86 400. */
  hold_for?: number;
}

/** Default of {@link ProviderParameters.upload_timeout}, in seconds. */
export const UPLOAD_TIMEOUT = 86_400;

/** Every parameter of a provider image, for the help. */
export const PROVIDER_PARAMETERS: { readonly [K in keyof Required<ProviderParameters>]: { description: string } } = {
  share: { description: 'Accounts, projects or tenants that may use the image, with commas; default none.' },
  upload_rate: { description: 'Most bytes a second that the upload sends; default no limit.' },
  upload_timeout: { description: `How long the upload may take, in seconds; default ${UPLOAD_TIMEOUT}.` },
  on_error: { description: 'What happens when a step fails: cleanup or hold; default cleanup.' },
  hold_for: { description: 'How long a held build waits for a decision, in seconds; default 86400.' },
};

/** Checks the parameters of a provider image. @throws FactoryError InvalidParameter */
export function parseProviderParameters(given: Readonly<Record<string, unknown>>): ProviderParameters {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(PROVIDER_PARAMETERS, name));
  if (unknown !== undefined) {
    throw new FactoryError('InvalidParameter', `a provider image has no parameter ${JSON.stringify(unknown)}`, {
      hint: `the parameters of a provider image are: ${Object.keys(PROVIDER_PARAMETERS).join(', ')}`,
    });
  }
  const { share, upload_rate, upload_timeout, on_error, hold_for } = given;
  const run = parseParameters({ on_error, hold_for });
  if (run.on_error === 'keep') {
    throw new FactoryError('InvalidParameter', 'on_error keep: a provider image has no resources to keep', {
      hint: 'on_error of a provider image is one of: cleanup, hold; what was uploaded stays for `imagefactory resume`',
    });
  }
  return defined({
    share: share === undefined ? undefined : readAccounts(share),
    upload_rate: readCount('upload_rate', upload_rate, 'bytes a second'),
    upload_timeout: readCount('upload_timeout', upload_timeout, 'seconds'),
    on_error: on_error === undefined ? undefined : run.on_error,
    hold_for: hold_for === undefined ? undefined : run.hold_for,
  });
}

/** Returns the accounts of the parameter `share`. */
export function listAccounts({ share = '' }: Pick<ProviderParameters, 'share'>): string[] {
  return [...new Set(share.split(',').filter((account) => account !== ''))];
}

/** The form of an account, a project or a tenant: what reaches a provider is never an option or a path. */
const ACCOUNT = /^[A-Za-z0-9][\w.@:/-]{0,254}$/;

function readAccounts(value: unknown): string {
  const accounts = String(value)
    .split(',')
    .map((account) => account.trim())
    .filter((account) => account !== '');
  const wrong = accounts.find((account) => !ACCOUNT.test(account));
  if (wrong === undefined) return accounts.join(',');
  throw new FactoryError('InvalidParameter', `share: ${JSON.stringify(wrong)} is no account`, {
    hint: 'give the ids of accounts, projects or tenants, with commas between them',
  });
}

function readCount(name: string, value: unknown, unit: string): number | undefined {
  if (value === undefined) return undefined;
  const count = typeof value === 'number' ? value : /^\d{1,15}$/.test(String(value).trim()) ? Number(value) : NaN;
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new FactoryError('InvalidParameter', `${name} cannot be ${JSON.stringify(value)}`, {
    hint: `${name} is a whole number of ${unit} above 0`,
  });
}

/** Returns the parameters of a provider image with the changes of a request to resume it. */
export function changeProviderParameters(
  current: ProviderParameters,
  { template, parameters = {} }: Pick<ResumeRequest, 'template' | 'parameters'>,
): ProviderParameters {
  if (template !== undefined) {
    throw new FactoryError('InvalidParameter', 'a provider image is a pushed target image, and has no template', {
      hint: 'leave --template out; to change what is installed, build another base image',
    });
  }
  return parseProviderParameters({ ...current, ...parameters });
}
