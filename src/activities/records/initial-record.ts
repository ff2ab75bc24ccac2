import type { BuildRef } from '../../domain/names.js';
import type { BuildRecord } from '../../domain/record.js';
import type { Deps } from '../shared/context.js';

/** The fields of a record that are known when its build begins, and those that differ between the kinds of images. */
type KnownFields = Pick<BuildRecord, 'type' | 'template' | 'name' | 'parameters'> & Partial<BuildRecord>;

/** Builds the record of a build that has just begun. A build that runs again keeps the time at which it first began. */
export async function buildInitialRecord(deps: Deps, ref: BuildRef, known: KnownFields): Promise<BuildRecord> {
  const earlier = await deps.store.readRecord(ref.uuid);
  return {
    identifier: ref.uuid,
    data: deps.store.bodyPath(ref.uuid),
    icicle: null,
    status: 'BUILDING',
    status_detail: { activity: 'Initializing image prior to Cloud/OS customization', error: null },
    percent_complete: 0,
    properties: {},
    workflow_id: ref.workflowId,
    cloud: ref.cloud,
    os: { name: '', version: '', arch: '' },
    created_at: earlier?.created_at ?? new Date().toISOString(),
    completed_at: null,
    glance_id: null,
    checksum: null,
    checksum_md5: null,
    size: null,
    min_disk: null,
    jeos: null,
    packages: null,
    package_details: null,
    icicle_warning: null,
    timings: {},
    downloaded: false,
    parent: null,
    inputs: [],
    outputs: [],
    ...known,
  };
}
