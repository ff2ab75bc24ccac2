import type { Options, PositionalOptions } from 'yargs';
import {
  connectImageFactory,
  findReadableSecrets,
  type ImageFactoryClient,
  type Template,
} from '../../client/index.js';
import { stripKind } from '../../domain/image-kinds.js';
import { loadPayloadKeys, type GivenOptions, type Settings } from '../config.js';
import { UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { formatWarning } from '../output.js';

/** The input of a command. */
export interface CommandContext {
  io: Io;
  settings: Settings;
  /** Positionals and the command's own options, by name. */
  options: GivenOptions;
}

/** A subcommand of `imagefactory`. */
export interface Command {
  /** Name and positionals as yargs writes them: `status <uuid>`. */
  usage: string;
  summary: string;
  positionals?: Record<string, PositionalOptions>;
  options?: Record<string, Options>;
  /** Pairs of a command line and its description. */
  examples?: [string, string][];
  /**
   * Lines of the help between the options and the examples. A tab separates two columns; the second one is wrapped.
   */
  notes?: readonly string[];
  /** Returns the exit code. */
  run(context: CommandContext): Promise<number>;
}

/** Connects to Temporal, runs a function with the connection, and closes the connection. */
export async function withClient<T>(
  context: CommandContext,
  run: (client: ImageFactoryClient) => Promise<T>,
): Promise<T> {
  const { taskQueue, uiAddress } = context.settings;
  const { env } = context.io;
  const payloadKeys = loadPayloadKeys(context.settings, env);
  const client = await connectImageFactory({ taskQueue, payloadKeys, env, uiAddress });
  try {
    return await run(client);
  } finally {
    await client.close();
  }
}

/** Warns of each password that Temporal will store in plain text. There is no warning when payloads are encrypted. */
export function warnOfSecrets(
  { io, settings }: CommandContext,
  template: Template | undefined,
  installScript: string | undefined,
): void {
  if (loadPayloadKeys(settings, io.env) !== undefined) return;
  for (const warning of findReadableSecrets(template, installScript)) io.err(formatWarning(warning));
}

/**
 * Reads the positional `uuid`. The user may also give the workflow id, which the Temporal UI shows:
 * `base_image-<uuid>`.
 */
export function parseUuidArgument(context: CommandContext): string {
  const given = String(context.options['uuid'] ?? '').trim();
  const uuid = stripKind(given).toLowerCase();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return uuid;
  throw new UsageError(`${JSON.stringify(given)} is not an image's UUID`, {
    hint: 'a UUID looks like bdd32b97-0e94-473a-b376-74d2da289a2c; `imagefactory images` lists the images',
  });
}

export const UUID_POSITIONAL: Record<string, PositionalOptions> = {
  uuid: { type: 'string', describe: 'UUID of the image, as base_image printed it' },
};
