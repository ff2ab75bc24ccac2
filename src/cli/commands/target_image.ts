import {
  findTarget,
  findUuid,
  startTargetImage,
  type ImageFactoryClient,
  type StartedBuild,
} from '../../client/index.js';
import { parseTargetParameters, TARGET_PARAMETERS } from '../../domain/target-image-input.js';
import { lastValue } from '../config.js';
import { formatDocument, type ResultDocument } from '../documents.js';
import { UsageError } from '../errors.js';
import { readParameters, PARAMETER_OPTIONS } from '../parameters.js';
import { withClient, type Command, type CommandContext } from './command.js';
import { followToEnd } from './follow.js';

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
    ...PARAMETER_OPTIONS,
    detach: { type: 'boolean', describe: 'print the UUIDs and return; the conversions go on' },
  },
  examples: [
    [`$0 target_image vsphere --id ${EXAMPLE}`, 'make a VMDK for vSphere'],
    [`$0 target_image ec2,gce,azure --id ${EXAMPLE}`, 'make three images from one download of the base image'],
    [`$0 target_image vsphere --id ${EXAMPLE} --parameter target_profile none`, 'leave the guest as it is'],
  ],
  notes: [
    'Parameters (--parameter NAME VALUE); docs/targets.md says more about each:',
    ...Object.entries(TARGET_PARAMETERS).map(([name, { description }]) => `  ${name}  \t${description}`),
  ],
  run: runTargetImage,
};

async function runTargetImage(context: CommandContext): Promise<number> {
  const { io, settings, options } = context;
  const targets = String(options['target'])
    .split(',')
    .map((name) => findTarget(name).name);
  const given = lastValue(options['id']) as string | undefined;
  if (given === undefined || given.trim() === '') {
    throw new UsageError('a target image needs a base image: --id UUID', {
      hint: '`imagefactory images` lists the images with their UUIDs',
    });
  }
  const parameters = parseTargetParameters(readParameters(options, Object.keys(TARGET_PARAMETERS)));
  return withClient(context, async (client) => {
    const baseImage = await findUuid(client, given, { forgotten: true });
    const started: StartedBuild[] = [];
    for (const target of new Set(targets)) {
      const build = await startTargetImage(client, { target, baseImage, parameters });
      started.push(build);
      io.err(`Target image ${build.uuid} for ${target} has started\n`);
    }
    if (options['detach'] !== true) return followAll(context, client, started);
    const documents = started.map(
      ({ uuid, workflowId, runId }) =>
        ({ identifier: uuid, status: 'NEW', workflow_id: workflowId, run_id: runId }) as const,
    );
    io.out(
      settings.output === 'json'
        ? formatDocument('target_image', { images: documents })
        : started.map(({ uuid }) => `${uuid}\n`).join(''),
    );
    return 0;
  });
}

/** Follows the target images to their end, one after the other. Returns the exit code of the first that has failed. */
async function followAll(
  context: CommandContext,
  client: ImageFactoryClient,
  started: StartedBuild[],
): Promise<number> {
  const { io, settings } = context;
  const documents: ResultDocument<'watch'>[] = [];
  let exitCode = 0;
  for (const { uuid } of started) {
    const code = await followToEnd(context, client, uuid, {
      printDocument: (document) => documents.push(document),
      againHint: 'To make it again: give the same command.\n',
    });
    if (exitCode === 0) exitCode = code;
    // A signal ends the command, not only the view of this image.
    if (code > 128) break;
  }
  if (settings.output === 'json') {
    const failed = documents.find(({ error }) => error !== undefined);
    io.out(
      formatDocument('target_image', { images: documents, ...(failed === undefined ? {} : { error: failed.error }) }),
    );
  }
  return exitCode;
}
