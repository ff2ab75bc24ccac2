import {
  checkRequest,
  divideParameters,
  findTarget,
  findUuid,
  parseTargetParameters,
  startTargetImage,
  type ImageFactoryClient,
  type StartedBuild,
  type StartedTargetImage,
  type TargetRequest,
} from '../../client/index.js';
import { TARGET_PARAMETERS } from '../../domain/target-image-input.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { lastValue } from '../config.js';
import { formatDocument } from '../documents.js';
import { UsageError } from '../errors.js';
import { formatWarning } from '../output.js';
import { listParameterNames, readParameters } from '../parameters.js';
import { startBaseImage } from './base_image.js';
import { BUILD_OPTIONS, readBuildParameters, readFailureOptions, readRequest } from './build-options.js';
import { warnOfSecrets, withClient, type Command, type CommandContext } from './command.js';
import { describeStarted, followSeveral, type BuildDocument } from './follow-several.js';

const TARGET_PARAMETER_NAMES = Object.keys(TARGET_PARAMETERS);
const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const targetImage: Command = {
  usage: 'target_image <target>',
  summary: 'convert a base image to the format of another cloud or hypervisor',
  positionals: {
    target: { type: 'string', describe: 'name of a target, or several with commas; `targets` lists them' },
  },
  options: {
    id: {
      type: 'string',
      requiresArg: true,
      describe: 'UUID of the base image, its beginning, or the template’s name',
    },
    template: {
      type: 'string',
      requiresArg: true,
      describe: 'TDL file: the base image is built from it first, as base_image does; - is standard input (FILE)',
    },
    ...BUILD_OPTIONS,
    detach: { type: 'boolean', describe: 'print the UUIDs of the target images and return; the builds go on' },
  },
  examples: [
    [`$0 target_image vsphere --id ${EXAMPLE}`, 'make a VMDK for vSphere'],
    [`$0 target_image ec2,gce,azure --id ${EXAMPLE}`, 'make three images from one download of the base image'],
    [
      '$0 target_image vsphere,ova --template debian-12.tdl --parameter flavor m1.small',
      'build the base image, then make two images of it',
    ],
    [
      `$0 target_image vsphere --id ${EXAMPLE} --parameter verify boot`,
      'also boot it in QEMU, with the controllers of vSphere',
    ],
  ],
  notes: [
    'Parameters (--parameter NAME VALUE); docs/targets.md says more about each:',
    ...Object.entries(TARGET_PARAMETERS).map(([name, { description }]) => `  ${name}  \t${description}`),
  ],
  run: runTargetImage,
};

async function runTargetImage(context: CommandContext): Promise<number> {
  const { options } = context;
  const names = String(options['target'])
    .split(',')
    .map((name) => findTarget(name).name);
  const targets = [...new Set(names)];
  const id = readOption(context, 'id');
  const template = readOption(context, 'template');
  if (id === undefined && template === undefined) {
    throw new UsageError('a target image needs a base image: --id UUID, or --template FILE', {
      hint: '`imagefactory images` lists the images with their UUIDs; --template builds the base image first',
    });
  }
  if (id !== undefined && template !== undefined) {
    throw new UsageError('--id and --template exclude each other', {
      hint: '--id takes a base image that exists; --template builds one first',
    });
  }
  return template === undefined
    ? convertBaseImage(context, targets, id ?? '')
    : buildAndConvert(context, targets, template);
}

/** Reads an option that takes a text. Returns undefined when the text is empty. */
function readOption({ options }: CommandContext, name: string): string | undefined {
  const text = (lastValue(options[name]) as string | undefined)?.trim();
  return text === '' ? undefined : text;
}

/** Makes target images of a base image that exists. */
function convertBaseImage(context: CommandContext, targets: string[], id: string): Promise<number> {
  const { options } = context;
  const other = ['cloud', 'jeos'].find((name) => options[name] !== undefined);
  if (other !== undefined) {
    throw new UsageError(`--${other} is for the base image, which exists already`, { hint: 'leave it out' });
  }
  const parameters = parseTargetParameters({
    ...readFailureOptions(options),
    ...readParameters(options, TARGET_PARAMETER_NAMES),
  });
  // The content is part of a template: it may have passwords in its commands and files.
  const fragment = { os: {}, content: parameters.target_content };
  warnOfSecrets(context, fragment);
  return withClient(context, async (client) => {
    const baseImage = await findUuid(client, id, { forgotten: true });
    const started = await startTargets(context, client, targets, { baseImage, parameters });
    return endOrFollow(context, client, started);
  });
}

/** Builds a base image, and makes target images of it. The build of each target image waits for the base image. */
function buildAndConvert(context: CommandContext, targets: string[], templateFile: string): Promise<number> {
  const parameters = divideParameters(
    readBuildParameters(context, [...listParameterNames(), ...TARGET_PARAMETER_NAMES]),
  );
  const request = readRequest(context, templateFile, parameters.base);
  const { template, parameters: checked, warnings } = checkRequest(request);
  for (const warning of warnings) context.io.err(formatWarning(warning));
  warnOfSecrets(context, template, checked.install_script);
  return withClient(context, async (client) => {
    const base = await startBaseImage(context, client, request, template.name);
    const waiting = { baseImage: base.uuid, parameters: parameters.target, waitForBase: true };
    return endOrFollow(context, client, await startTargets(context, client, targets, waiting), base);
  });
}

async function startTargets(
  { io }: CommandContext,
  client: ImageFactoryClient,
  targets: string[],
  request: Omit<TargetRequest, 'target'>,
): Promise<StartedTargetImage[]> {
  const started: StartedTargetImage[] = [];
  for (const target of targets) {
    const image = await startTargetImage(client, { ...request, target });
    started.push(image);
    io.err(toPlainLine(describeStart(image, target)) + '\n');
  }
  return started;
}

function describeStart({ uuid, state }: StartedTargetImage, target: string): string {
  const image = `Target image ${uuid} for ${target}`;
  if (state === 'running') return `${image} is being made already: this command joins its build`;
  if (state === 'complete') return `${image} exists already; to make it again, delete it first`;
  return `${image} has started`;
}

/** Ends the command after the start of the builds (--detach), or follows them to their end. */
async function endOrFollow(
  context: CommandContext,
  client: ImageFactoryClient,
  started: StartedTargetImage[],
  base?: StartedBuild,
): Promise<number> {
  const { io, settings, options } = context;
  const first = base === undefined ? [] : [{ ...base, state: 'started' as const }];
  const isJson = settings.output === 'json';
  if (options['detach'] === true) {
    io.out(
      isJson
        ? formatResult(started.map(describeStarted), base && describeStarted({ ...base, state: 'started' }))
        : started.map(({ uuid }) => `${uuid}\n`).join(''),
    );
    return 0;
  }
  const { exitCode, documents } = await followSeveral(context, client, { before: first, builds: started });
  const [made, ...others] = documents;
  if (isJson) io.out(base === undefined ? formatResult(documents, undefined) : formatResult(others, made));
  return exitCode;
}

function formatResult(images: BuildDocument[], base: BuildDocument | undefined): string {
  const failed = [...(base === undefined ? [] : [base]), ...images].find(({ error }) => error !== undefined);
  return formatDocument('target_image', {
    images,
    ...(base === undefined ? {} : { base_image: base }),
    ...(failed === undefined ? {} : { error: failed.error }),
  });
}
