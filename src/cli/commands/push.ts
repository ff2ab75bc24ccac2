import {
  findUuid,
  listProviders,
  pushImage,
  readCredentials,
  type StartedOnce,
  type StartedPush,
} from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { formatDocument } from '../documents.js';
import { PARAMETER_OPTIONS } from '../parameters.js';
import { BUILD_OPTIONS } from './build-options.js';
import { UUID_POSITIONAL, withClient, type Command, type CommandContext } from './command.js';
import { describeStarted, followSeveral, type BuildDocument } from './follow-several.js';
import { PUSH_NOTES, readPushParameters } from './push-options.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const push: Command = {
  usage: 'push <uuid> <provider..>',
  summary: 'push an image to one or several providers, and make the target image first if it is missing',
  positionals: {
    ...UUID_POSITIONAL,
    provider: { type: 'string', array: true, describe: 'name of a provider of the workers; `providers` lists them' },
  },
  options: {
    ...PARAMETER_OPTIONS,
    'on-error': BUILD_OPTIONS['on-error'] ?? {},
    'hold-for': BUILD_OPTIONS['hold-for'] ?? {},
    credentials: {
      type: 'string',
      requiresArg: true,
      describe: 'file with credentials for this push alone, JSON or XML (default: those of the workers) (FILE)',
    },
    detach: { type: 'boolean', describe: 'print the UUIDs of the provider images and return; the pushes go on' },
  },
  examples: [
    [`$0 push ${EXAMPLE} images-eu`, 'push to the provider images-eu of the workers'],
    [`$0 push ${EXAMPLE} images-eu images-us registry`, 'push to three providers at once'],
    [`$0 push ${EXAMPLE} images-eu --parameter share 4f1c2e,9ab3d0`, 'also let two projects use the image'],
  ],
  notes: PUSH_NOTES,
  run: runPush,
};

async function runPush(context: CommandContext): Promise<number> {
  const { options } = context;
  const names = [...new Set([options['provider']].flat().map((name) => String(name).replace(/^@/, '')))];
  const parameters = readPushParameters(context);
  const file = options['credentials'] === undefined ? undefined : String(options['credentials']);
  const credentials = file === undefined ? undefined : readCredentials(file);
  return withClient(context, async (client) => {
    const image = await findUuid(client, String(options['uuid'] ?? ''), { forgotten: true, prefer: 'base_image' });
    // Before the first push starts: a name that nobody knows must not leave the others behind.
    for (const name of names) await listProviders(client, { name });
    const pushes: StartedPush[] = [];
    for (const name of names) {
      const provider = { name, ...(credentials === undefined ? {} : { credentials }) };
      const started = await pushImage(client, { image, provider, parameters });
      pushes.push(started);
      context.io.err(toPlainLine(describePush(started)) + '\n');
    }
    const targets = new Map(pushes.flatMap(({ target }) => (target === undefined ? [] : [[target.uuid, target]])));
    return endOrFollow(
      context,
      client,
      [...targets.values()],
      pushes.map((each) => each.image),
    );
  });
}

function describePush({ provider, image, target }: StartedPush): string {
  const made = target === undefined || target.state === 'complete' ? '' : `, after target image ${target.uuid}`;
  const name = `Provider image ${image.uuid} at ${provider}`;
  if (image.state === 'running') return `${name} is being pushed already: this command joins its build`;
  if (image.state === 'complete') return `${name} exists already; to push it again, delete it first`;
  return `${name} has started${made}`;
}

/** Ends a command that pushes images: at once (--detach), or when the pushes have ended. */
export async function endOrFollow(
  context: CommandContext,
  client: Parameters<typeof followSeveral>[1],
  before: StartedOnce[],
  images: StartedOnce[],
): Promise<number> {
  const { io, settings, options } = context;
  const isJson = settings.output === 'json';
  if (options['detach'] === true) {
    io.out(
      isJson
        ? formatPushes(before.map(describeStarted), images.map(describeStarted))
        : images.map(({ uuid }) => `${uuid}\n`).join(''),
    );
    return 0;
  }
  const { exitCode, documents } = await followSeveral(context, client, { before, builds: images });
  if (isJson) io.out(formatPushes(documents.slice(0, before.length), documents.slice(before.length)));
  return exitCode;
}

function formatPushes(made: BuildDocument[], images: BuildDocument[]): string {
  const failed = [...made, ...images].find(({ error }) => error !== undefined);
  return formatDocument('push', { images, made, ...(failed === undefined ? {} : { error: failed.error }) });
}
