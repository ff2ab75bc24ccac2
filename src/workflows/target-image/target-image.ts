import type { PlannedTarget } from '../../activities/convert/plan-target-image.js';
import type { ConvertedDisk, TargetImageResult } from '../../domain/target-image-result.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import type { TargetImageInput } from '../../domain/target-image-input.js';
import { isRootFormat } from '../../domain/target-formats.js';
import { BuildContext } from '../lifecycle/build-context.js';
import { createRecordWriter, runLifecycle } from '../lifecycle/lifecycle.js';
import { HoldableTarget } from './holdable-target.js';
import { waitForBaseImage } from './wait-for-base-image.js';
import { removeResources } from '../lifecycle/with-cleanup.js';
import { packRoot } from './pack-root.js';
import { prepareGuest } from './prepare-guest.js';

type TargetBuild = BuildContext<'target_image'>;

/**
 * Makes a target image: prepares the guest for the target, downloads the image, converts it to the format of the
 * target, compares the result with it, and writes the record. Where the format holds a root file system, that comes
 * from an instance of the image instead. The base image stays as it is.
 */
export async function targetImage(input: TargetImageInput): Promise<TargetImageResult> {
  const { uuid, cloud, target, heartbeatTimeout, parameters } = input;
  const holdable = new HoldableTarget(parameters);
  const build = new BuildContext({ kind: 'target_image', uuid, cloud, name: target, heartbeatTimeout, holdable });
  const { ref, status, steps } = build;
  status.status.baseImage = input.baseImage;
  // Only a root file system needs an instance of this build. A conversion makes nothing in the cloud.
  const made = { instance: false };
  return runLifecycle(build, {
    build: () => runPhases(build, input, made),
    resultImages: () => [],
    cleanUp: async () => {
      // First what costs money: a failure of the second step must not leave an instance.
      const report = made.instance ? await removeResources(build, [], undefined) : { removed: [], leftovers: [] };
      const name = made.instance ? 'cleanup.files' : 'cleanup';
      await steps.run({ name, title: 'remove the temporary files of the conversion' }, 'removeWorkFiles', { ref });
      return report;
    },
    writeRecord: createRecordWriter(build),
  });
}

async function runPhases(
  build: TargetBuild,
  input: TargetImageInput,
  made: { instance: boolean },
): Promise<TargetImageResult> {
  await waitForBaseImage(build, input);
  const planned = await prepareGuest(build, await plan(build, input));
  const { format, root, target, bodyPath: body, prepared, firmware, secureBoot, guestProperties } = planned;
  made.instance = root !== undefined;
  const disk =
    root !== undefined && isRootFormat(format) && !planned.isConverted
      ? await packRoot(build, planned, root, format)
      : await convertDisk(build, planned, input);
  return {
    uuid: build.ref.uuid,
    target,
    format,
    baseImage: input.baseImage,
    ...(prepared === undefined ? {} : { prepared }),
    body,
    disk,
    firmware,
    secureBoot,
    ...(guestProperties === undefined ? {} : { guestProperties }),
  };
}

async function convertDisk(
  build: TargetBuild,
  planned: PlannedTarget,
  input: TargetImageInput,
): Promise<ConvertedDisk> {
  if (!planned.isConverted) await fetchSource(build, planned);
  const disk = await convert(build, planned, input);
  if (input.parameters.verify !== 'boot') return disk;
  const { verifiedBy } = await verify(build, planned, disk);
  return { ...disk, verifiedBy: `${disk.verifiedBy}, ${verifiedBy}` };
}

async function fetchSource({ ref, status, steps }: TargetBuild, { source }: PlannedTarget): Promise<void> {
  status.enterPhase('fetch');
  await steps.run(
    { name: 'fetch', title: 'download the base image and check its digest', budget: { total: 16 * 3600 } },
    'fetchSource',
    { ref, source },
  );
}

/** Converts the image. When an earlier run of this build has converted it, the step checks and returns that file. */
async function convert(
  { ref, status, steps }: TargetBuild,
  planned: PlannedTarget,
  { parameters }: TargetImageInput,
): Promise<ConvertedDisk> {
  status.enterPhase('convert');
  return steps.run(
    {
      name: 'convert',
      title: `convert the base image to ${planned.format}, and compare the result with it`,
      // Half of an attempt may be a wait for space: see withSpace.
      budget: { total: 48 * 3600, attempt: 24 * 3600 },
      note: ({ verifiedBy, converter }) => `converted by ${converter}, verified by ${verifiedBy}`,
    },
    'convertImage',
    { ref, planned, parameters },
  );
}

/** Boots the converted file itself. */
async function verify(
  { ref, status, steps }: TargetBuild,
  planned: PlannedTarget,
  { virtualSize }: ConvertedDisk,
): Promise<{ verifiedBy: string }> {
  status.enterPhase('verify');
  const { disk, network } = planned.machine;
  return steps.run(
    {
      name: 'verify',
      title: `boot the image in QEMU with ${disk} and ${network}`,
      budget: { total: 4 * 3600, attempt: 3600 },
      note: ({ verifiedBy }) => verifiedBy,
    },
    'verifyBoot',
    { ref, planned, virtualSize },
  );
}

async function plan({ ref, status, steps }: TargetBuild, input: TargetImageInput): Promise<PlannedTarget> {
  const planned = await steps.run(
    {
      name: 'plan',
      title: 'check the target and the base image',
      budget: { total: 600, attempt: 300 },
      note: ({ isConverted }) => (isConverted ? 'the image is converted already' : undefined),
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
