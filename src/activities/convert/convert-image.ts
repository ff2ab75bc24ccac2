import { FactoryError } from '../../domain/errors.js';
import type { ConvertedDisk } from '../../domain/target-image-result.js';
import type { BuildRef } from '../../domain/names.js';
import type { TargetParameters } from '../../domain/target-image-input.js';
import { convertDisk, inspectDisk, measureConversion, type Disk } from '../../formats/index.js';
import { isRootFormat } from '../../domain/target-formats.js';
import { cancellationSignal, reportProgress, type Deps } from '../shared/context.js';
import { forgetOutput, publishOutput, readOutput } from './output.js';
import type { PlannedTarget } from './plan-target-image.js';
import { withSourceImage } from './source-images.js';
import { withWorkFolder } from './work-folder.js';

export interface ConvertImageInput {
  ref: BuildRef;
  planned: PlannedTarget;
  parameters: TargetParameters;
}

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
 *
 * @throws FactoryError StoreFailed when the plan has counted on the body of an earlier run, and that is damaged
 */
export async function convertImage(
  deps: Deps,
  { ref, planned, parameters }: ConvertImageInput,
): Promise<ConvertedDisk> {
  const made = await readOutput(deps, ref.uuid);
  if (made !== undefined) return made;
  if (planned.isConverted) throw await forgetOutput(deps, ref.uuid);
  const { source, format, imageName, os, firmware, secureBoot } = planned;
  const diskFormat = DISK_FORMATS[source.diskFormat];
  if (isRootFormat(format)) throw new FactoryError('Internal', `the format ${format} holds no disk`);
  if (diskFormat === undefined) {
    throw new FactoryError(
      'ImageFailed',
      `Glance has the base image as ${source.diskFormat}, which cannot be converted`,
    );
  }
  return withSourceImage(deps, ref.cloud, source, async (path) => {
    const disk = await inspectDisk(path, diskFormat, { signal: cancellationSignal() });
    const bytes = await measureConversion(disk, format, { signal: cancellationSignal() });
    return withWorkFolder(deps, ref.uuid, bytes, async (workFolder) => {
      const converted = await convertDisk(disk, format, {
        workFolder,
        imageName,
        system: { os: os.name, version: os.version, arch: os.arch, firmware, secureBoot },
        ...MACHINE,
        ...parameters,
        onProgress: reportProgress,
        signal: cancellationSignal(),
      });
      return publishOutput(deps, ref.uuid, converted, planned.prepared);
    });
  });
}
