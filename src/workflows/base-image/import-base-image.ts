import type { ImportInput } from '../../domain/import-input.js';
import type { BaseImageResult } from '../../domain/messages.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import { createRecordWriter, runLifecycle } from '../lifecycle/lifecycle.js';
import { returnIfBuilt, toResult } from './base-image.js';
import { BaseImageBuild } from './base-image-build.js';
import { bootInstance, listPackages } from '../lifecycle/customise.js';
import type { ImportedImage } from '../../activities/given-image/import-image.js';

/**
 * Makes a base image of a disk that exists: puts it into Glance, boots an instance that tells its system and its
 * packages, terminates the instance, and writes the record. The image itself stays as it is.
 */
export async function importBaseImage(input: ImportInput): Promise<BaseImageResult> {
  const build = new BaseImageBuild(input);
  const { context } = build;
  return runLifecycle(context, {
    build: () => returnIfBuilt(build, () => runPhases(build, input)),
    resultImages: ({ glanceId }) => [glanceId],
    mayHaveVolumes: () => build.mayHaveVolumes,
    timeout: () => build.parameters.timeout,
    writeRecord: createRecordWriter(context),
  });
}

async function runPhases(build: BaseImageBuild, input: ImportInput): Promise<BaseImageResult> {
  const { ref, status, steps } = build;
  const plan = await steps.run(
    {
      name: 'plan',
      title: 'check the disk, and everything that it needs in the cloud',
      budget: { total: 600, attempt: 300 },
    },
    'planImport',
    { ref, input },
  );
  build.plan = plan;
  status.status.name = plan.name;
  status.status.os = plan.osLabel;
  status.enterPhase('jeos', 1);
  const image = await steps.run(
    {
      name: 'import',
      title: 'find the image in Glance, or put the disk there',
      budget: { total: build.parameters.media_timeout },
      note: ({ imageId }) => `image ${imageId}`,
    },
    'importImage',
    { ref, given: plan.givenImage ?? { source: '' }, ...(input.format === undefined ? {} : { format: input.format }) },
  );
  status.setResource('base_image', image.imageId);
  const packages = input.boots ? await lookInside(build, image) : 0;
  status.enterPhase('publish', 1);
  const published = await steps.run(
    { name: 'base.publish', title: 'set the name and the properties of the base image' },
    'publishImport',
    { ref, imageId: image.imageId, own: image.own, name: plan.imageName, isPublic: build.parameters.public },
  );
  return toResult(build, { jeos: image, image: published, packages });
}

/** Boots an instance of the image, which tells its system and its packages. Returns the number of packages. */
async function lookInside(build: BaseImageBuild, image: ImportedImage): Promise<number> {
  const { ref, status, steps, plan } = build;
  // Seven steps: access, instance, address, SSH, system, package list, termination.
  status.enterPhase('customise', 7);
  const { serverId, locateGuest } = await bootInstance(build, { ...image, title: 'the image' });
  const { os, osLabel, listsPackages } = await steps.run(
    { name: 'system', title: 'ask the guest which system it is', note: (told) => told.osLabel },
    'readSystem',
    () => ({ ref, guest: locateGuest(), source: plan.givenImage?.source ?? '' }),
  );
  status.status.os = osLabel;
  status.enterPhase('customise', 7, [
    { key: SEARCH_ATTRIBUTES.os, value: os.name },
    { key: SEARCH_ATTRIBUTES.osVersion, value: os.version },
    { key: SEARCH_ATTRIBUTES.arch, value: os.arch },
  ]);
  const packages = listsPackages ? await listPackages(build, locateGuest) : 0;
  await steps.run({ name: 'customise.delete', title: 'terminate the instance' }, 'deleteServer', { ref, serverId });
  await build.context.ticket.leaveQueue();
  return packages;
}
