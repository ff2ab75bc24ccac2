import type { Options, PositionalOptions } from 'yargs';
import {
  connectImageFactory,
  findReadableSecrets,
  findUuid,
  type FindUuidOptions,
  type ImageFactoryClient,
} from '../../client/index.js';
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
  /** The parameters that only this command takes, for completion. Those of a base image are offered anyway. */
  parameters?: Readonly<Record<string, { description: string; choices?: readonly string[] }>>;
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
  template: Parameters<typeof findReadableSecrets>[0],
  installScript?: string,
): void {
  if (loadPayloadKeys(settings, io.env) !== undefined) return;
  for (const warning of findReadableSecrets(template, installScript)) io.err(formatWarning(warning));
}

/** Connects to Temporal as {@link withClient} does, and finds the build that the positional `uuid` names. */
export function withBuild<T>(
  context: CommandContext,
  run: (client: ImageFactoryClient, uuid: string) => Promise<T>,
  options: FindUuidOptions = {},
): Promise<T> {
  const given = String(context.options['uuid'] ?? '').trim();
  if (given === '') {
    throw new UsageError('the UUID is empty', { hint: '`imagefactory images` lists the images with their UUIDs' });
  }
  return withClient(context, async (client) => run(client, await findUuid(client, given, options)));
}

export const UUID_POSITIONAL: Record<string, PositionalOptions> = {
  uuid: {
    type: 'string',
    describe: 'UUID of the image, or its beginning, or the name of the template, if only one image has it',
  },
};
