import type { Options, PositionalOptions } from 'yargs';
import { findReadableSecrets } from '../../planning/secrets.js';
import type { Template } from '../../tdl/types.js';
import { loadPayloadKeys, type GivenOptions, type Settings } from '../config.js';
import { connectImageFactory, type ImageFactoryClient } from '../../client/connection.js';
import { UsageError } from '../../client/errors.js';
import type { Io } from '../io.js';

/** What a command runs with. */
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
  /** Command line and what it does. */
  examples?: [string, string][];
  /** Answers the exit code. */
  run(context: CommandContext): Promise<number>;
}

/** Runs something with a connection to Temporal, and closes it. */
export async function withClient<T>(
  context: CommandContext,
  run: (factory: ImageFactoryClient) => Promise<T>,
): Promise<T> {
  const { taskQueue, uiAddress } = context.settings;
  const payloadKeys = loadPayloadKeys(context.settings, context.io.env);
  const factory = await connectImageFactory({
    taskQueue,
    ...(payloadKeys === undefined ? {} : { payloadKeys }),
    env: context.io.env,
    ...(uiAddress === undefined ? {} : { uiAddress }),
  });
  try {
    return await run(factory);
  } finally {
    await factory.close();
  }
}

/** Says which passwords enter Temporal as they are, where nothing is encrypted. */
export function warnOfSecrets(
  { io, settings }: CommandContext,
  template: Template | undefined,
  installScript: string | undefined,
): void {
  if (loadPayloadKeys(settings, io.env) !== undefined) return;
  for (const warning of findReadableSecrets(template, installScript)) io.err(`warning: ${warning}\n`);
}

/** A positional that must be an image's UUID; `base_image-<uuid>`, as the Temporal UI shows it, is taken as well. */
export function parseUuidArgument(context: CommandContext): string {
  const given = String(context.options['uuid'] ?? '').trim();
  const uuid = given.replace(/^base_image-/, '').toLowerCase();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return uuid;
  throw new UsageError(`${JSON.stringify(given)} is not an image's UUID`, {
    hint: 'a UUID looks like bdd32b97-0e94-473a-b376-74d2da289a2c; `imagefactory images` lists them',
  });
}

export const UUID_POSITIONAL: Record<string, PositionalOptions> = {
  uuid: { type: 'string', describe: 'UUID of the image, as base_image printed it' },
};
