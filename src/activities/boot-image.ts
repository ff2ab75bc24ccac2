import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FactoryError } from '../build/errors.js';
import { marksOf, resourceName, tagsOf, type BuildRef } from '../build/names.js';
import { newcArchive, padding } from '../media/newc.js';
import { makeStubDisk } from '../media/stub-disk.js';
import type { CreateImage } from '../openstack/types.js';
import { stubFirmwares } from '../os/boot-method.js';
import { scriptInRamdisk } from '../os/script-transport.js';
import type { InstallerPlan } from '../os/types.js';
import { type Deps, progress, signal } from './context.js';
import { installerPlanOf, templateOf } from './documents.js';
import { ensureImage } from './ensure-image.js';
import type { JeosStep } from './types.js';
import { parametersOf, requiredDocument } from './user-data.js';

type BootImageInput = JeosStep & { kernelId: string; ramdiskId: string };

/** Bytes of the empty disk that an installer's instance starts from; Nova makes it as large as the flavor says. */
const EMPTY_DISK = 1024 * 1024;

/** Creates the image that boots the installer: an empty disk and what Nova is to boot beside it, or a disk that boots. */
export async function createBootImage(deps: Deps, input: BootImageInput): Promise<{ imageId: string }> {
  const plan = await installerPlanOf(deps, input.documents);
  const script = await scriptArchive(deps, plan, input);
  const { boot_method: method } = await parametersOf(deps, input.documents);
  const imageId =
    method === 'stub' ? await createStub(deps, input, plan, script) : await createDirect(deps, input, plan, script);
  return { imageId };
}

/** What is appended to the ramdisk, where the script comes with it. */
async function scriptArchive(deps: Deps, plan: InstallerPlan, { documents }: JeosStep): Promise<Buffer | undefined> {
  if (plan.scriptTransport !== 'initrd') return undefined;
  const content = await requiredDocument(deps, documents, 'install_script');
  return newcArchive([{ path: scriptInRamdisk(plan), content }]);
}

function request(deps: Deps, ref: BuildRef, plan: InstallerPlan, properties: Record<string, string>): CreateImage {
  return {
    name: resourceName(ref, 'boot'),
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'private',
    tags: tagsOf(ref, 'boot'),
    properties: {
      ...plan.imageProperties,
      ...plan.bootImageProperties,
      ...marksOf(ref, 'boot', deps.identity),
      ...properties,
    },
  };
}

/**
 * An empty disk whose properties name the kernel, the ramdisk and the command line
 * (https://docs.openstack.org/glance/latest/user/common-image-properties.html).
 */
async function createDirect(
  deps: Deps,
  input: BootImageInput,
  plan: InstallerPlan,
  script: Buffer | undefined,
): Promise<string> {
  const { ref, kernelId } = input;
  const ramdiskId = script === undefined ? input.ramdiskId : await createRamdisk(deps, input, script);
  return ensureImage(deps, ref.cloud, {
    seed: `boot:${ref.uuid}`,
    request: request(deps, ref, plan, {
      kernel_id: kernelId,
      ramdisk_id: ramdiskId,
      os_command_line: plan.commandLine,
    }),
    size: EMPTY_DISK,
    open: () => Readable.from([Buffer.alloc(EMPTY_DISK)]),
  });
}

/** The installer's ramdisk with the script behind it: this build's own. */
async function createRamdisk(deps: Deps, { ref, ramdiskId }: BootImageInput, script: Buffer): Promise<string> {
  const size = await sizeOf(deps, ref, ramdiskId);
  const between = padding(size);
  const { image } = deps.clouds.get(ref.cloud);
  async function* content(): AsyncGenerator<Buffer> {
    const { data } = await image.downloadImage(ramdiskId, { signal: signal() });
    yield* data as AsyncIterable<Buffer>;
    yield Buffer.concat([between, script]);
  }
  return ensureImage(deps, ref.cloud, {
    seed: `boot-ramdisk:${ref.uuid}`,
    request: {
      name: resourceName(ref, 'boot-ramdisk'),
      disk_format: 'ari',
      container_format: 'ari',
      visibility: 'private',
      tags: tagsOf(ref, 'boot'),
      properties: marksOf(ref, 'boot', deps.identity),
    },
    size: size + between.length + script.length,
    open: () => Readable.from(content()),
  });
}

/** A disk that starts the installer by itself, made from the media in Glance: no worker needs to have fetched them. */
async function createStub(
  deps: Deps,
  input: BootImageInput,
  plan: InstallerPlan,
  script: Buffer | undefined,
): Promise<string> {
  const { ref, kernelId, ramdiskId } = input;
  const folder = await stubFolder(deps, ref);
  try {
    const kernel = await download(deps, ref, kernelId, join(folder, 'kernel'));
    const ramdisks = [await download(deps, ref, ramdiskId, join(folder, 'ramdisk'))];
    if (script !== undefined) {
      ramdisks.push(join(folder, 'script'));
      await writeFile(join(folder, 'script'), script, { mode: 0o600 });
    }
    progress({ message: 'making the disk that starts the installer' });
    const { arch } = (await templateOf(deps, input.documents)).os;
    const what = { kernel, ramdisks, commandLine: plan.commandLine, firmwares: stubFirmwares(arch) };
    const disk = await makeStubDisk({ ...what, folder, signal: signal() });
    return await ensureImage(deps, ref.cloud, {
      seed: `boot:${ref.uuid}`,
      request: request(deps, ref, plan, {}),
      size: disk.size,
      open: () => createReadStream(disk.path),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A folder of this try's own. What an earlier try has left is removed. */
async function stubFolder(deps: Deps, ref: BuildRef): Promise<string> {
  const own = `${ref.uuid}.stub.`;
  await mkdir(deps.mediaDirectory, { recursive: true });
  for (const name of await readdir(deps.mediaDirectory)) {
    if (name.startsWith(own)) await rm(join(deps.mediaDirectory, name), { recursive: true, force: true });
  }
  const folder = join(deps.mediaDirectory, `${own}${randomUUID()}`);
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

async function download(deps: Deps, ref: BuildRef, id: string, path: string): Promise<string> {
  progress({ message: `reading image ${id}` });
  const { data } = await deps.clouds.get(ref.cloud).image.downloadImage(id, { signal: signal() });
  await pipeline(data, createWriteStream(path));
  return path;
}

async function sizeOf(deps: Deps, ref: BuildRef, id: string): Promise<number> {
  const image = await deps.clouds.get(ref.cloud).image.getImage(id, { signal: signal() });
  if (typeof image?.size === 'number') return image.size;
  throw new FactoryError('ImageFailed', `image ${id} is gone, or its size is not known`, {
    hint: 'imagefactory resume begins with the media again',
  });
}
