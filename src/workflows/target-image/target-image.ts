import type { PlannedTarget } from '../../activities/convert/plan-target-image.js';
import type { ConvertedDisk, TargetImageResult } from '../../domain/messages.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import type { TargetImageInput } from '../../domain/target-image-input.js';
import { isRootFormat } from '../../domain/targets.js';
import { BuildContext } from '../lifecycle/build-context.js';
import { createRecordWriter, runLifecycle } from '../lifecycle/lifecycle.js';
import { removeResources } from '../lifecycle/with-cleanup.js';
import { packRoot } from './pack-root.js';
import { prepareGuest } from './prepare-guest.js';

type TargetBuild = BuildContext<'target_image'>;

/**
 * Makes a target image: downloads the base image, converts it to the format of the target, compares the result with the
 * base image, and writes the record. Where the format holds a root file system, that comes from an instance of the base
 * image instead. The base image stays as it is.
 */
export async function targetImage(input: TargetImageInput): Promise<TargetImageResult> {
  const { uuid, cloud, target, heartbeatTimeout } = input;
  const build = new BuildContext({ kind: 'target_image', uuid, cloud, name: target, heartbeatTimeout });
  const { ref, steps } = build;
  // Only a root file system needs an instance of this build. A conversion makes nothing in the cloud.
  const made = { instance: false };
  return runLifecycle(build, {
    build: () => runPhases(build, input, made),
    resultImages: () => [],
    cleanUp: async () => {
      const name = made.instance ? 'cleanup.files' : 'cleanup';
      const title = 'remove the temporary files of the conversion';
      await steps.run({ name, title }, 'removeWorkFiles', { ref });
      return made.instance ? removeResources(build, [], undefined) : { removed: [], leftovers: [] };
    },
    writeRecord: createRecordWriter(build),
  });
}

async function runPhases(
  build: TargetBuild,
  input: TargetImageInput,
  made: { instance: boolean },
): Promise<TargetImageResult> {
  const planned = await prepareGuest(build, await plan(build, input));
  const { format, root, target, bodyPath: body, prepared } = planned;
  made.instance = root !== undefined;
  const disk =
    root !== undefined && isRootFormat(format)
      ? await packRoot(build, planned, root, format)
      : await convert(build, planned, input);
  return {
    uuid: build.ref.uuid,
    target,
    format,
    baseImage: input.baseImage,
    ...(prepared === undefined ? {} : { prepared }),
    body,
    disk,
  };
}

async function convert(
  { ref, status, steps }: TargetBuild,
  planned: PlannedTarget,
  { parameters }: TargetImageInput,
): Promise<ConvertedDisk> {
  status.enterPhase('fetch');
  await steps.run(
    { name: 'fetch', title: 'download the base image and check its digest', budget: { total: 4 * 3600 } },
    'fetchSource',
    { ref, source: planned.source },
  );
  status.enterPhase('convert');
  return steps.run(
    {
      name: 'convert',
      title: `convert the base image to ${planned.format}, and compare the result with it`,
      budget: { total: 24 * 3600, attempt: 12 * 3600 },
      note: ({ verifiedBy, converter }) => `converted by ${converter}, verified by ${verifiedBy}`,
    },
    'convertImage',
    { ref, planned, parameters },
  );
}

async function plan({ ref, status, steps }: TargetBuild, input: TargetImageInput): Promise<PlannedTarget> {
  const planned = await steps.run(
    {
      name: 'plan',
      title: 'check the target and the base image',
      budget: { total: 600, attempt: 300 },
    },
    'planTargetImage',
    { ref, input },
  );
  const { name, version, arch } = planned.os;
  status.status.name = planned.imageName;
  status.status.os = `${name} ${version} ${arch}`;
  status.enterPhase('plan', 1, [
    { key: SEARCH_ATTRIBUTES.os, value: name },
    { key: SEARCH_ATTRIBUTES.osVersion, value: version },
    { key: SEARCH_ATTRIBUTES.arch, value: arch },
    { key: SEARCH_ATTRIBUTES.template, value: planned.name },
  ]);
  return planned;
}
