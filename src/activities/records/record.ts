import { FactoryError } from '../../domain/errors.js';
import type { ReadRecordsInput, ReadRecordsResult, DeleteImageResult } from '../../domain/messages.js';
import type { BuildRecord } from '../../domain/record.js';
import { readIcicle } from '../../icicle/icicle.js';
import { completedResult } from '../shared/completed-build.js';
import { deleteGlanceImage } from '../cleanup/remove-resources.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { workflowState } from '../shared/temporal-lookups.js';
import type { BuildRef } from '../../domain/names.js';
import type { FinalRecord } from '../shared/types.js';

/** The words that imagefactory ended a build with. */
const FINAL_ACTIVITY: Record<string, string> = {
  COMPLETE: 'Base Image build complete',
  FAILED: 'Base Image build failed with exception',
  CANCELED: 'Base Image build was cancelled',
};

/** Completes the record at the end of a build. One that never reached a worker has none. */
export async function writeFinalRecord(deps: Deps, input: FinalRecord): Promise<void> {
  const record = await deps.store.readRecord(input.ref.uuid);
  if (record === undefined) return;
  // It completed before it was reset: its image is there, and so its record stays.
  if ((await completedResult(deps, input.ref)) !== undefined) return;
  const { result, failure } = input;
  const icicle = await deps.store.readDocument(input.ref.uuid, 'icicle.xml');
  const finished: BuildRecord = {
    ...record,
    status: input.status,
    status_detail: {
      activity: FINAL_ACTIVITY[input.status] ?? input.status,
      error: failure === undefined ? null : `${failure.step}: ${failure.message}`,
    },
    percent_complete: result === undefined ? record.percent_complete : 100,
    icicle: icicle?.toString('utf8') ?? null,
    completed_at: new Date().toISOString(),
    timings: input.timings,
  };
  if (result !== undefined) {
    finished.properties = { ...record.properties, 'x-image-properties-glance_id': result.glanceId };
    finished.glance_id = result.glanceId;
    finished.checksum = result.checksum;
    finished.checksum_md5 = result.checksumMd5;
    finished.size = result.size;
    finished.min_disk = result.minDisk;
    finished.jeos = result.jeos;
    finished.packages = icicle === undefined ? null : readIcicle(icicle.toString('utf8')).packages.length;
    finished.downloaded = result.downloaded;
  }
  await deps.store.writeRecord(finished);
}

/** Fetches a base image's bytes into `<uuid>.body`; the download fails at its end if the digest is not Glance's. */
export async function downloadBody(deps: Deps, input: { ref: BuildRef; imageId: string }): Promise<{ bytes: number }> {
  const { image } = deps.clouds.get(input.ref.cloud);
  const { data, size } = await image.downloadImage(input.imageId, { signal: cancellationSignal() });
  const bytes = await deps.store.writeBody(input.ref.uuid, data, {
    signal: cancellationSignal(),
    onProgress: (done) =>
      reportProgress({
        message: 'fetching the image',
        ...(size === null ? {} : { percent: Math.floor((done / size) * 100) }),
      }),
  });
  return { bytes };
}

/** Removes an image from Glance, and its record, body and documents from the store. */
export async function deleteImage(deps: Deps, input: { uuid: string; workflowId: string }): Promise<DeleteImageResult> {
  const record = await deps.store.readRecord(input.uuid);
  // A record may say that its image is being built though nobody builds it any more: the workflow was terminated.
  if (record?.status === 'BUILDING' && (await workflowState(deps, record.workflow_id)) === 'living') {
    throw new FactoryError('Conflict', `image ${input.uuid} is being built`, {
      hint: `imagefactory cancel ${input.uuid} ends the build`,
    });
  }
  const removed: string[] = [];
  if (record?.glance_id != null && (await deleteGlanceImage(deps, record.cloud, record.glance_id))) {
    removed.push(`Glance image ${record.glance_id}`);
  }
  removed.push(...(await deps.store.deleteRecord(input.uuid)));
  return { removed, found: record !== undefined };
}

/** Record fields that are large or private; given only when asked for. */
const LARGE = ['template', 'icicle', 'parameters'] as const;

function matches(record: BuildRecord, spec: Record<string, unknown>): boolean {
  const fields = record as unknown as Record<string, unknown>;
  return Object.entries(spec).every(([key, value]) => JSON.stringify(fields[key]) === JSON.stringify(value));
}

/** Records whose fields equal those of the specification, newest first. */
export async function readRecords(deps: Deps, input: ReadRecordsInput): Promise<ReadRecordsResult> {
  const { records } = await deps.store.listRecords();
  const found = records.filter((record) => matches(record, input.spec));
  const offset = input.offset ?? 0;
  const page = found.slice(offset, offset + Math.min(input.limit ?? 200, 200)).map((record) => {
    const fields: Record<string, unknown> = { ...record };
    if (input.full !== true) for (const name of LARGE) delete fields[name];
    return fields;
  });
  return { records: page, total: found.length };
}
