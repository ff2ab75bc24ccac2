import { listDigests, nameOutput, type ImageInput, type ImageOutput } from '../../domain/lineage.js';
import type { BaseImageResult } from '../../domain/messages.js';
import type { TargetImageResult } from '../../domain/target-image-result.js';
import type { BuildRecord } from '../../domain/record.js';

/** The fields of a record that are known at the end of a build. */
interface FinalLineage {
  inputs: ImageInput[];
  outputs: ImageOutput[];
}

/** Adds inputs to those of the plan. They replace those of their kind, because an earlier try may have added them. */
function addInputs(planned: readonly ImageInput[], added: readonly ImageInput[]): ImageInput[] {
  return [...planned.filter(({ kind }) => !added.some((input) => input.kind === kind)), ...added];
}

/** Adds the JEOS and its media to the inputs of a base image. Its output is the image in Glance. */
export function describeBaseLineage(
  { inputs = [], name }: Pick<BuildRecord, 'inputs' | 'name'>,
  { checksum, checksumMd5, format, size, virtualSize, jeos, downloaded }: BaseImageResult,
  media: ImageInput[],
): FinalLineage {
  const installed: ImageInput =
    jeos.source === undefined
      ? { kind: 'jeos', name: jeos.glance_id, digest: { algorithm: 'sha256', value: jeos.digest } }
      : { kind: 'source', name: jeos.source, digest: jeos.checksum ?? null };
  return {
    inputs: addInputs(inputs, [installed, ...media]),
    outputs: [
      {
        name: nameOutput({ name, extension: format ?? null }),
        format: format ?? null,
        size,
        virtual_size: virtualSize ?? null,
        digests: listDigests({ checksum, checksum_md5: checksumMd5 }),
        verified_by: downloaded ? 'compared with the digest that Glance computed' : 'digest computed by Glance',
      },
    ],
  };
}

/** Adds the converter to the inputs of a target image. Its output is the converted file. */
export function describeTargetLineage(
  { inputs = [], name }: Pick<BuildRecord, 'inputs' | 'name'>,
  { target, format, disk }: TargetImageResult,
): FinalLineage {
  return {
    inputs: addInputs(inputs, [{ kind: 'converter', name: disk.converter, digest: null }]),
    outputs: [
      {
        name: disk.name ?? nameOutput({ name, target, extension: format }),
        format,
        size: disk.size,
        virtual_size: disk.virtualSize,
        digests: { sha256: disk.sha256, sha512: disk.sha512 },
        verified_by: disk.verifiedBy,
      },
    ],
  };
}
