import { mkdtemp, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../../domain/errors.js';
import type { ConvertedDisk } from '../../domain/messages.js';
import type { BuildRef } from '../../domain/names.js';
import type { TargetParameters } from '../../domain/target-image-input.js';
import { isRootFormat } from '../../domain/targets.js';
import { convertDisk, inspectDisk, type Disk } from '../../formats/index.js';
import { cancellationSignal, reportProgress, type Deps } from '../shared/context.js';
import type { PlannedTarget } from './plan-target-image.js';
import { ensureSourceImage } from './source-images.js';

export interface ConvertImageInput {
  ref: BuildRef;
  planned: PlannedTarget;
  parameters: TargetParameters;
}

/** Name of the store's document that describes the body of a target image. */
export const OUTPUT = 'output.json';

/** The names that Glance and QEMU have for a format. */
const DISK_FORMATS: Readonly<Record<string, Disk['format']>> = {
  qcow2: 'qcow2',
  raw: 'raw',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhd: 'vpc',
  vhdx: 'vhdx',
};

/** Virtual CPUs and memory in MiB of a machine that is described beside the disk, as in an OVA. */
const MACHINE = { cpus: 2, memory: 2048 };

/**
 * Converts the base image to the target's format, compares the result with the base image, and keeps it as the body of
 * the target image. An attempt that finds the body complete returns it.
 */
export async function convertImage(
  deps: Deps,
  { ref, planned, parameters }: ConvertImageInput,
): Promise<ConvertedDisk> {
  const made = await readOutput(deps, ref.uuid);
  if (made !== undefined) return made;
  const { source, format, imageName, os, firmware, secureBoot } = planned;
  const diskFormat = DISK_FORMATS[source.diskFormat];
  if (isRootFormat(format)) throw new FactoryError('Internal', `the format ${format} holds no disk`);
  if (diskFormat === undefined) {
    throw new FactoryError(
      'ImageFailed',
      `Glance has the base image as ${source.diskFormat}, which cannot be converted`,
    );
  }
  const path = await ensureSourceImage(deps, ref.cloud, source);
  const disk = await inspectDisk(path, diskFormat, { signal: cancellationSignal() });
  // An earlier attempt may have left its files. It may even still run on another worker, so this attempt uses a folder
  // of its own.
  await deps.store.removeWorkFolder(ref.uuid);
  const workFolder = await mkdtemp(join(await deps.store.prepareWorkFolder(ref.uuid), 'convert-'));
  const { path: file, ...output } = await convertDisk(disk, format, {
    workFolder,
    imageName,
    system: { os: os.name, version: os.version, arch: os.arch, firmware, secureBoot },
    ...MACHINE,
    ...parameters,
    onProgress: reportProgress,
    signal: cancellationSignal(),
  });
  await deps.store.moveToBody(ref.uuid, file);
  await deps.store.writeDocument(ref.uuid, OUTPUT, JSON.stringify(output));
  return output;
}

/** Reads the description of a target image's body. Returns undefined when the body is not complete. */
export async function readOutput(deps: Pick<Deps, 'store'>, uuid: string): Promise<ConvertedDisk | undefined> {
  const document = await deps.store.readDocument(uuid, OUTPUT);
  if (document === undefined) return undefined;
  const output = JSON.parse(document.toString('utf8')) as ConvertedDisk;
  const size = await stat(deps.store.bodyPath(uuid)).then(({ size: bytes }) => bytes, () => undefined); // prettier-ignore
  return size === output.size ? output : undefined;
}
