import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { buildNewcArchive, createPadding } from '../../media/newc.js';
import { makeStubDisk } from '../../media/stub-disk.js';
import { type BootMethod, stubFirmwares } from '../../os/installer/boot-method.js';
import { withVolumeId } from '../../os/installer/installer-plan.js';
import { withPin } from '../../os/installer/mirror-pin.js';
import { scriptInRamdisk } from '../../os/installer/script-transport.js';
import type { InstallerPlan } from '../../os/types.js';
import { downloadTo, inFolder } from '../media/scratch-folder.js';
import { createMedium } from './boot-iso.js';
import { createScriptMedium } from './script-medium.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { loadInstallerPlan, loadParameters, loadDocument, loadTemplate } from '../shared/documents.js';
import { ensureRunImage, type RunImage } from '../images/run-image.js';
import type { BootImageInput, BootImages, JeosStep } from '../shared/types.js';

/** Bytes of the empty disk that an installer's instance starts from; Nova makes it as large as the flavor says. */
const EMPTY_DISK = 1024 * 1024;

/** Creates the images that boot the installer: its root disk, and the medium in its drive where it is installed from one. */
export async function createBootImage(deps: Deps, input: BootImageInput): Promise<BootImages> {
  const { isoId, volumeId, driversId, pin } = input;
  const plan = withPin(withVolumeId(await loadInstallerPlan(deps, input.documentsId), volumeId), pin);
  const { boot_method: method = 'direct' } = await loadParameters(deps, input.documentsId);
  const { medium } = plan;
  if (medium === undefined || isoId === undefined) return { imageId: await createRootDisk(deps, input, plan, method) };
  const mediumId = await createMedium(deps, { ...input, isoId }, { ...plan, medium }, method);
  const scriptId = await createScriptMedium(deps, input, { ...plan, medium });
  const imageId = await createRootDisk(deps, input, plan, method);
  return { imageId, media: [mediumId, scriptId, driversId].filter((id) => id !== undefined) };
}

/** The image of the disk that is installed to: what of it boots the installer depends on the method. */
async function createRootDisk(
  deps: Deps,
  { ref, documentsId, kernelId, ramdiskId }: BootImageInput,
  plan: InstallerPlan,
  method: BootMethod,
): Promise<string> {
  if (method === 'iso') return createEmpty(deps, ref, plan, {});
  if (kernelId === undefined || ramdiskId === undefined) {
    throw new FactoryError('Internal', `nothing was prepared that boot_method ${method} could start`);
  }
  const script = await scriptArchive(deps, plan, documentsId);
  const media = { ref, documentsId, kernelId, ramdiskId };
  return method === 'stub' ? createStub(deps, media, plan, script) : createDirect(deps, media, plan, script);
}

/** Kernel and ramdisk, as images. */
type BootMedia = JeosStep & { kernelId: string; ramdiskId: string };

/** What is appended to the ramdisk, where the script comes with it. */
async function scriptArchive(deps: Deps, plan: InstallerPlan, documentsId: string): Promise<Buffer | undefined> {
  if (plan.scriptTransport !== 'initrd') return undefined;
  const content = await loadDocument(deps, documentsId, 'install_script');
  return buildNewcArchive([{ path: scriptInRamdisk(plan), content }]);
}

/** The image of a disk that boots the installer, by itself or by its properties. */
function ensureDisk(
  deps: Deps,
  ref: BuildRef,
  plan: InstallerPlan,
  { properties, content }: Pick<RunImage, 'properties' | 'content'>,
): Promise<string> {
  const all = { ...plan.imageProperties, ...plan.bootImageProperties, ...properties };
  return ensureRunImage(deps, ref, { name: 'boot', format: 'raw', properties: all, content });
}

/** An empty disk. */
function createEmpty(
  deps: Deps,
  ref: BuildRef,
  plan: InstallerPlan,
  properties: Record<string, string>,
): Promise<string> {
  const content = { size: EMPTY_DISK, open: () => Readable.from([Buffer.alloc(EMPTY_DISK)]) };
  return ensureDisk(deps, ref, plan, { properties, content });
}

/**
 * An empty disk whose properties name the kernel, the ramdisk and the command line
 * (https://docs.openstack.org/glance/latest/user/common-image-properties.html).
 */
async function createDirect(
  deps: Deps,
  input: BootMedia,
  plan: InstallerPlan,
  script: Buffer | undefined,
): Promise<string> {
  const { ref, kernelId } = input;
  const ramdiskId = script === undefined ? input.ramdiskId : await createRamdisk(deps, input, script);
  return createEmpty(deps, ref, plan, {
    kernel_id: kernelId,
    ramdisk_id: ramdiskId,
    os_command_line: plan.commandLine,
  });
}

/** The installer's ramdisk with the script behind it: this build's own. */
async function createRamdisk(deps: Deps, { ref, ramdiskId }: BootMedia, script: Buffer): Promise<string> {
  const size = await sizeOf(deps, ref, ramdiskId);
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

/** A disk that starts the installer by itself, made from the media in Glance: no worker needs to have fetched them. */
async function createStub(
  deps: Deps,
  { ref, documentsId, kernelId, ramdiskId }: BootMedia,
  plan: InstallerPlan,
  script: Buffer | undefined,
): Promise<string> {
  return inFolder(deps, ref, 'stub', async (folder) => {
    const kernel = await downloadTo(deps, ref, kernelId, join(folder, 'kernel'));
    const ramdisks = [await downloadTo(deps, ref, ramdiskId, join(folder, 'ramdisk'))];
    if (script !== undefined) {
      ramdisks.push(join(folder, 'script'));
      await writeFile(join(folder, 'script'), script, { mode: 0o600 });
    }
    reportProgress({ message: 'making the disk that starts the installer' });
    const { arch } = (await loadTemplate(deps, documentsId)).os;
    const what = { kernel, ramdisks, commandLine: plan.commandLine, firmwares: stubFirmwares(arch) };
    const disk = await makeStubDisk({ ...what, folder, signal: cancellationSignal() });
    return ensureDisk(deps, ref, plan, { content: disk.path });
  });
}

async function sizeOf(deps: Deps, ref: BuildRef, id: string): Promise<number> {
  const image = await deps.clouds.get(ref.cloud).image.getImage(id, { signal: cancellationSignal() });
  if (typeof image?.size === 'number') return image.size;
  throw new FactoryError('ImageFailed', `image ${id} is gone, or its size is not known`, {
    hint: 'imagefactory resume begins with the media again',
  });
}
