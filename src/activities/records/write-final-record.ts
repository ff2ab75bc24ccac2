import type { BuildRecord } from '../../domain/record.js';
import { findRecordedKind, getTitle } from '../../domain/image-kinds.js';
import { readIcicle } from '../../icicle/icicle.js';
import { completedResult } from '../shared/completed-build.js';
import { listMedia } from '../images/jeos-media.js';
import type { Deps } from '../shared/context.js';
import { readPackageList } from '../shared/package-list.js';
import type { BuildRef } from '../../domain/names.js';
import type { BaseImageResult } from '../../domain/messages.js';
import { defined } from '../../domain/defined.js';
import type { ProviderImageResult } from '../../domain/provider-image.js';
import type { TargetImageResult } from '../../domain/target-image-result.js';
import { describeRegistered } from './registered.js';
import { describeBaseLineage, describeTargetLineage } from './final-lineage.js';
import type { BuildFailure, ImageStatus } from '../../domain/status.js';

export interface WriteFinalRecordInput {
  ref: BuildRef;
  result: BaseImageResult | TargetImageResult | ProviderImageResult | undefined;
  failure: BuildFailure | undefined;
  timings: Record<string, number>;
  status: ImageStatus;
}

/**
 * Text that the record shows for each final status, after the title of the kind of image. The texts for COMPLETE and
 * FAILED are those of the original imagefactory (Python).
 */
const FINAL_ACTIVITY: Record<string, string> = {
  COMPLETE: 'build complete',
  FAILED: 'build failed with exception',
  CANCELED: 'build was cancelled',
};

/**
 * Completes the record at the end of a build. Does nothing when there is no record, because the build never reached a
 * worker.
 */
export async function writeFinalRecord(deps: Deps, input: WriteFinalRecordInput): Promise<void> {
  const record = await deps.store.readRecord(input.ref.uuid);
  if (record === undefined) return;
  // If the build was complete before its workflow was reset, its image exists, and its record stays unchanged.
  if ((await completedResult(deps, input.ref)) !== undefined) return;
  if (record.status === 'COMPLETE' && input.result === undefined) return;
  const { result, failure } = input;
  const icicle = await deps.store.readDocument(input.ref.uuid, 'icicle.xml');
  const { details, warnings } = await readPackageList(deps, input.ref.uuid);
  const finished: BuildRecord = {
    ...record,
    status: input.status,
    status_detail: {
      activity: `${getTitle(findRecordedKind(record.type))} ${FINAL_ACTIVITY[input.status] ?? input.status}`,
      error: failure === undefined ? null : `${failure.step}: ${failure.message}`,
    },
    percent_complete: result === undefined ? record.percent_complete : 100,
    // A target image has the package list of its base image, unless the guest was prepared for the target.
    icicle: icicle?.toString('utf8') ?? record.icicle,
    package_details: details ?? record.package_details,
    icicle_warning: warnings.length === 0 ? record.icicle_warning : warnings.join('; '),
    completed_at: new Date().toISOString(),
    timings: input.timings,
  };
  if (result !== undefined && 'registered' in result) {
    const { registered, sharedWith, body } = result;
    Object.assign(finished, describeRegistered(registered), { data: body, shared_with: sharedWith });
  } else if (result !== undefined && 'target' in result) {
    const { size, virtualSize, sha256, sha512, verifiedBy, converter } = result.disk;
    Object.assign(finished, { size, virtual_size: virtualSize, sha256, sha512, verified_by: verifiedBy, converter });
    finished.downloaded = true;
    Object.assign(finished, describeTargetLineage(record, result));
    const { firmware, secureBoot, guestProperties } = result;
    Object.assign(finished, defined({ firmware, secure_boot: secureBoot, guest_properties: guestProperties }));
    if (result.prepared !== undefined) finished.prepared = result.prepared;
    if (icicle !== undefined) finished.packages = countPackages(icicle);
  } else if (result !== undefined) {
    finished.properties = { ...record.properties, 'x-image-properties-glance_id': result.glanceId };
    finished.glance_id = result.glanceId;
    finished.checksum = result.checksum;
    finished.checksum_md5 = result.checksumMd5;
    finished.size = result.size;
    finished.min_disk = result.minDisk;
    finished.jeos = result.jeos;
    finished.packages = icicle === undefined ? null : countPackages(icicle);
    finished.downloaded = result.downloaded;
    Object.assign(finished, describeBaseLineage(record, result, await listMedia(deps, input.ref.uuid)));
  }
  await deps.store.writeRecord(finished);
}

function countPackages(icicle: Buffer): number {
  return readIcicle(icicle.toString('utf8')).packages.length;
}
