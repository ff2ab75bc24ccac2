import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { buildNewcArchive, createPadding } from '../../media/newc.js';
import { makeStubDisk, type StubDiskOptions } from '../../media/stub-disk.js';
import { type BootMethod, listStubFirmwares } from '../../os/installer/boot-method.js';
import { withVolumeId } from '../../os/installer/installer-plan.js';
import { withPin } from '../../os/installer/mirror-pin.js';
import { getRamdiskPath } from '../../os/installer/script-transport.js';
import type { InstallerPlan } from '../../os/installer/types.js';
import { withScratchFolder } from '../media/scratch-folder.js';
import { downloadImage } from '../images/download-image.js';
import { createBootMedium } from './create-boot-medium.js';
import { createScriptMedium } from './create-script-medium.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { type BuildDocuments, loadBuild } from '../shared/build-documents.js';
import { ensureRunImage, type RunImage } from '../images/ensure-run-image.js';
import type { JeosStepInput } from '../shared/jeos-step.js';
import type { InstallerMedia } from '../media/installer-media.js';

export type CreateBootImageInput = JeosStepInput & Omit<InstallerMedia, 'notes'>;

/** The ids of the images that boot the installer: its root disk, and the media in its drives. */
export interface BootImages {
  imageId: string;
  media?: string[];
}

/** Size in bytes of the image of the installer's empty root disk. Nova enlarges the disk to the flavor's size. */
const EMPTY_DISK = 1024 * 1024;

/**
 * Creates the images that boot the installer: its root disk, and the media in its drives when it installs from a
 * medium.
 */
export async function createBootImage(deps: Deps, input: CreateBootImageInput): Promise<BootImages> {
  const { isoId, volumeId, driversId, pin } = input;
  const build = loadBuild(deps, input.documentsId);
  const plan = withPin(withVolumeId(await build.installerPlan(), volumeId), pin);
  const { boot_method: method = 'direct' } = await build.parameters();
  const { medium } = plan;
  if (medium === undefined || isoId === undefined)
    return { imageId: await createRootDisk(deps, build, input, plan, method) };
  const mediumId = await createBootMedium(deps, build, { ref: input.ref, isoId }, { ...plan, medium }, method);
  const scriptId = await createScriptMedium(deps, build, input.ref, { ...plan, medium });
  const imageId = await createRootDisk(deps, build, input, plan, method);
  return { imageId, media: [mediumId, scriptId, driversId].filter((id) => id !== undefined) };
}

/**
 * Creates the image of the disk to which the system is installed. `method` decides whether and how this disk boots the
 * installer.
 */
async function createRootDisk(
  deps: Deps,
  build: BuildDocuments,
  { ref, kernelId, ramdiskId }: CreateBootImageInput,
  plan: InstallerPlan,
  method: BootMethod,
): Promise<string> {
  if (method === 'iso') return createEmptyDisk(deps, ref, plan, {});
  if (kernelId === undefined || ramdiskId === undefined) {
    throw new FactoryError(
      'Internal',
      `boot_method ${method} needs images of the installer’s kernel and ramdisk, but there are none`,
    );
  }
  const script = await buildScriptArchive(build, plan);
  const media = { ref, kernelId, ramdiskId };
  return method === 'stub'
    ? createStubBootDisk(deps, media, plan, { script, firmwares: listStubFirmwares((await build.template()).os.arch) })
    : createDirectBootDisk(deps, media, plan, script);
}

/** The ids of the images with the installer's kernel and ramdisk. */
interface BootMedia {
  ref: BuildRef;
  kernelId: string;
  ramdiskId: string;
}

/**
 * Builds the archive with the install script, which is appended to the ramdisk. Returns undefined when the script
 * transport of the plan is not `initrd`.
 */
async function buildScriptArchive(build: BuildDocuments, plan: InstallerPlan): Promise<Buffer | undefined> {
  if (plan.scriptTransport !== 'initrd') return undefined;
  const content = await build.installScript();
  return buildNewcArchive([{ path: getRamdiskPath(plan), content }]);
}

/** Makes sure that the image of the installer's root disk exists, and returns its id. */
function ensureDiskImage(
  deps: Deps,
  ref: BuildRef,
  plan: InstallerPlan,
  { properties, content }: Pick<RunImage, 'properties' | 'content'>,
): Promise<string> {
  const all = { ...plan.imageProperties, ...plan.bootImageProperties, ...properties };
  return ensureRunImage(deps, ref, { name: 'boot', format: 'raw', properties: all, content });
}

/** Creates the image of an empty disk. */
function createEmptyDisk(
  deps: Deps,
  ref: BuildRef,
  plan: InstallerPlan,
  properties: Record<string, string>,
): Promise<string> {
  const content = { size: EMPTY_DISK, open: () => Readable.from([Buffer.alloc(EMPTY_DISK)]) };
  return ensureDiskImage(deps, ref, plan, { properties, content });
}

/**
 * Creates the image of an empty disk. The properties of the image name the kernel, the ramdisk and the command line
 * (https://docs.openstack.org/glance/latest/user/common-image-properties.html).
 */
async function createDirectBootDisk(
  deps: Deps,
  input: BootMedia,
  plan: InstallerPlan,
  script: Buffer | undefined,
): Promise<string> {
  const { ref, kernelId } = input;
  const ramdiskId = script === undefined ? input.ramdiskId : await createRamdisk(deps, input, script);
  return createEmptyDisk(deps, ref, plan, {
    kernel_id: kernelId,
    ramdisk_id: ramdiskId,
    os_command_line: plan.commandLine,
  });
}

/** Creates this build's own ramdisk: the installer's ramdisk, followed by the archive with the script. */
async function createRamdisk(deps: Deps, { ref, ramdiskId }: BootMedia, script: Buffer): Promise<string> {
  const size = await readImageSize(deps, ref, ramdiskId);
  const between = createPadding(size);
  const { image } = deps.clouds.get(ref.cloud);
  async function* content(): AsyncGenerator<Buffer> {
    const { data } = await image.downloadImage(ramdiskId, { signal: cancellationSignal() });
    yield* data as AsyncIterable<Buffer>;
    yield Buffer.concat([between, script]);
  }
  return ensureRunImage(deps, ref, {
    name: 'boot-ramdisk',
    format: 'ari',
    content: { size: size + between.length + script.length, open: () => Readable.from(content()) },
  });
}

/**
 * Creates the image of a disk that boots the installer by itself. Downloads the kernel and the ramdisk from Glance,
 * because the files may not be on this worker: another worker may have fetched them from the mirror.
 */
async function createStubBootDisk(
  deps: Deps,
  { ref, kernelId, ramdiskId }: BootMedia,
  plan: InstallerPlan,
  { script, firmwares }: { script: Buffer | undefined; firmwares: StubDiskOptions['firmwares'] },
): Promise<string> {
  return withScratchFolder(deps, ref, 'stub', async (folder) => {
    const kernel = await downloadImage(deps, ref.cloud, kernelId, join(folder, 'kernel'));
    const ramdisks = [await downloadImage(deps, ref.cloud, ramdiskId, join(folder, 'ramdisk'))];
    if (script !== undefined) {
      ramdisks.push(join(folder, 'script'));
      await writeFile(join(folder, 'script'), script, { mode: 0o600 });
    }
    reportProgress({ message: 'making the disk that starts the installer' });
    const what = { kernel, ramdisks, commandLine: plan.commandLine, firmwares };
    const disk = await makeStubDisk({ ...what, folder, signal: cancellationSignal() });
    return ensureDiskImage(deps, ref, plan, { content: disk.path });
  });
}

async function readImageSize(deps: Deps, ref: BuildRef, id: string): Promise<number> {
  const image = await deps.clouds.get(ref.cloud).image.getImage(id, { signal: cancellationSignal() });
  if (typeof image?.size === 'number') return image.size;
  throw new FactoryError('ImageFailed', `image ${id} is gone, or its size is not known`, {
    hint: 'imagefactory resume prepares the installer’s media again',
  });
}
