import {
  BuildStateError,
  checkRequest,
  divideParameters,
  findImage,
  findTarget,
  findUuid,
  parseProviderParameters,
  readCredentials,
  readProvider,
  startProviderImage,
  startTargetImage,
  type GivenProvider,
  type ImageFactoryClient,
  type StartedOnce,
} from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { TARGET_PARAMETERS } from '../../domain/target-image-input.js';
import { lastValue } from '../config.js';
import { UsageError } from '../errors.js';
import { formatWarning } from '../output.js';
import { listParameterNames } from '../parameters.js';
import { startBaseImage } from './base_image.js';
import { BUILD_OPTIONS, readBuildParameters, readRequest } from './build-options.js';
import { warnOfSecrets, withClient, type Command, type CommandContext } from './command.js';
import { endOrFollow } from './push.js';
import { PUSH_NOTES, PUSH_PARAMETER_NAMES, readPushParameters } from './push-options.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const providerImage: Command = {
  usage: 'provider_image <target> <provider> [credentials]',
  summary: 'push a target image to a provider, and register it there',
  positionals: {
    target: { type: 'string', describe: 'name of the target, as `targets` lists it' },
    provider: { type: 'string', describe: '@NAME of a provider of the workers, or a file that describes one' },
    credentials: {
      type: 'string',
      describe: 'file with credentials for this push alone, JSON or XML (default: those of the workers)',
    },
  },
  options: {
    id: { type: 'string', requiresArg: true, describe: 'UUID of the target image, or its beginning' },
    template: {
      type: 'string',
      requiresArg: true,
      describe: 'TDL file: the base image and the target image are made from it first; - is standard input (FILE)',
    },
    snapshot: { type: 'boolean', describe: 'build the image at the provider itself; only for OpenStack: base_image' },
    ...BUILD_OPTIONS,
    detach: { type: 'boolean', describe: 'print the UUID of the provider image and return; the builds go on' },
  },
  examples: [
    [`$0 provider_image ec2 @images-eu --id ${EXAMPLE}`, 'push to a provider of the workers'],
    [
      `$0 provider_image openstack-kvm glance.json credentials.json --id ${EXAMPLE}`,
      'push to a provider that a file describes, with credentials of your own',
    ],
    ['$0 provider_image openstack-kvm @other --template debian-12.tdl', 'build everything first'],
  ],
  notes: PUSH_NOTES,
  run: runProviderImage,
};

async function runProviderImage(context: CommandContext): Promise<number> {
  const { options } = context;
  const { name: target } = findTarget(String(options['target']));
  const id = readOption(context, 'id');
  const template = readOption(context, 'template');
  if ((id === undefined) === (template === undefined)) {
    throw new UsageError('a provider image needs exactly one of --id UUID and --template FILE', {
      hint: '--id takes a target image that exists; --template builds the base image and the target image first',
    });
  }
  if (options['snapshot'] === true) {
    throw new UsageError('--snapshot is not built: images are pushed, never built at other providers', {
      hint: 'for an image in an OpenStack cloud, build it there: imagefactory base_image TEMPLATE --cloud NAME',
    });
  }
  const provider = readGivenProvider(context, target);
  return id === undefined
    ? buildAndPush(context, target, provider, template ?? '')
    : pushTargetImage(context, target, provider, id);
}

function readOption({ options }: CommandContext, name: string): string | undefined {
  const text = (lastValue(options[name]) as string | undefined)?.trim();
  return text === '' ? undefined : text;
}

function readGivenProvider({ options }: CommandContext, target: string): GivenProvider {
  const provider = readProvider(String(options['provider']), target);
  const file = options['credentials'];
  return file === undefined ? provider : { ...provider, credentials: readCredentials(String(file)) };
}

/** Pushes a target image that exists. */
function pushTargetImage(
  context: CommandContext,
  target: string,
  provider: GivenProvider,
  id: string,
): Promise<number> {
  const parameters = readPushParameters(context);
  return withClient(context, async (client) => {
    const targetImage = await findUuid(client, id, { forgotten: true });
    const { target: made } = (await findImage(client, targetImage)) ?? {};
    if (made !== undefined && made !== target) {
      throw new BuildStateError(
        targetImage,
        `image ${targetImage} was made for the target ${made}, not for ${target}`,
        {
          hint: `write ${made}, or make an image for ${target}: imagefactory target_image ${target} --id BASE_UUID`,
        },
      );
    }
    const image = await startProviderImage(client, { targetImage, provider, parameters });
    describeStart(context, image, provider);
    return endOrFollow(context, client, [], [image]);
  });
}

/** Builds a base image and a target image, and pushes that. Each build waits for the one before. */
function buildAndPush(
  context: CommandContext,
  target: string,
  provider: GivenProvider,
  templateFile: string,
): Promise<number> {
  const names = [...listParameterNames(), ...Object.keys(TARGET_PARAMETERS), ...PUSH_PARAMETER_NAMES];
  const given = readBuildParameters(context, names) as Record<string, unknown>;
  const isPush = (name: string): boolean => PUSH_PARAMETER_NAMES.includes(name);
  const pick = (keep: (name: string) => boolean): Record<string, unknown> =>
    Object.fromEntries(Object.entries(given).filter(([name]) => keep(name)));
  // on_error and hold_for are for all three builds.
  const isShared = (name: string): boolean => ['on_error', 'hold_for'].includes(name);
  const parameters = divideParameters(pick((name) => !isPush(name) || isShared(name)));
  const pushParameters = parseProviderParameters(pick((name) => isPush(name) && given['on_error'] !== 'keep'));
  const request = readRequest(context, templateFile, parameters.base);
  const { template, parameters: checked, warnings } = checkRequest(request);
  for (const warning of warnings) context.io.err(formatWarning(warning));
  warnOfSecrets(context, template, checked.install_script);
  return withClient(context, async (client: ImageFactoryClient) => {
    const base = await startBaseImage(context, client, request, template.name);
    const made = await startTargetImage(client, {
      target,
      baseImage: base.uuid,
      parameters: parameters.target,
      waitForBase: true,
    });
    const image = await startProviderImage(client, {
      targetImage: made.uuid,
      provider,
      parameters: pushParameters,
      waitForTarget: true,
    });
    describeStart(context, image, provider);
    return endOrFollow(context, client, [{ ...base, state: 'started' }, made], [image]);
  });
}

function describeStart({ io }: CommandContext, { uuid, state }: StartedOnce, { name }: GivenProvider): void {
  const image = `Provider image ${uuid} at ${name}`;
  const texts = {
    started: `${image} has started`,
    running: `${image} is being pushed already: this command joins its build`,
    complete: `${image} exists already; to push it again, delete it first`,
  };
  io.err(`${toPlainLine(texts[state])}\n`);
}
