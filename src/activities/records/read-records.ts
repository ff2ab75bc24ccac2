import type { ReadRecordsInput, ReadRecordsResult } from '../../domain/messages.js';
import type { BuildRecord } from '../../domain/record.js';
import type { Deps } from '../shared/context.js';

/** Record fields that are large or private. {@link readRecords} returns these fields only if `full` is true. */
const LARGE_FIELDS = ['template', 'icicle', 'parameters', 'package_details', 'inputs'] as const;

function matchesSpec(record: BuildRecord, spec: Record<string, unknown>): boolean {
  const fields = record as unknown as Record<string, unknown>;
  return Object.entries(spec).every(([key, value]) => JSON.stringify(fields[key]) === JSON.stringify(value));
}

/** Returns the records whose fields equal those of the specification, newest first. */
export async function readRecords(deps: Deps, input: ReadRecordsInput): Promise<ReadRecordsResult> {
  const { records } = await deps.store.listRecords();
  const found = records.filter((record) => matchesSpec(record, input.spec));
  const offset = input.offset ?? 0;
  const page = found.slice(offset, offset + Math.min(input.limit ?? 200, 200)).map((record) => {
    const fields: Record<string, unknown> = { ...record };
    if (input.full !== true) for (const name of LARGE_FIELDS) delete fields[name];
    return fields;
  });
  return { records: page, total: found.length };
}
