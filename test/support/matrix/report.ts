import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import type { MatrixSlot } from './lane.js';
import type { FaultPoint } from './places.js';

const FOLDER = fileURLToPath(new URL('../../../.cache/fault-matrix', import.meta.url));

/** What came of a fault at a place. */
export interface CellResult {
  place: string;
  fault: string;
  outcome: 'built' | 'failed' | 'red';
  /** What the failed build said, or what is wrong with a red cell. */
  says?: string;
  /** How often the step was tried. */
  tries: number;
}

/** Collects what a part of the matrix has seen. */
export class Report {
  readonly cells: CellResult[] = [];
  private readonly began = Date.now();
  private builds = 0;

  constructor(private readonly part: string) {}

  /** One build, and the cells that it went through. */
  add(cells: CellResult[]): void {
    this.builds += 1;
    this.cells.push(...cells);
  }

  /** Keeps it for the document, see scripts/write-fault-matrix.ts. */
  async save(): Promise<void> {
    await mkdir(FOLDER, { recursive: true });
    const { builds, cells } = this;
    const seconds = Math.round((Date.now() - this.began) / 1000);
    await writeFile(join(FOLDER, `${this.part}.json`), `${JSON.stringify({ seconds, builds, cells }, null, 1)}\n`);
  }
}

/** How often the activities behind some places' steps were tried, from the histories. */
export async function triesAt(lane: MatrixSlot, places: FaultPoint[]): Promise<Map<FaultPoint, number>> {
  const tries = new Map<FaultPoint, number>();
  for (const of of ['base', 'jeos'] as const) {
    const own = places.filter((place) => place.of === of);
    if (own.length === 0) continue;
    const { events } = await lane.historyOf(of);
    for (const place of own) tries.set(place, triesIn(events ?? [], await lane.titleOf(place)));
  }
  return tries;
}

function triesIn(events: temporal.api.history.v1.IHistoryEvent[], title: string | undefined): number {
  const scheduled = events.find(
    ({ activityTaskScheduledEventAttributes, userMetadata }) =>
      activityTaskScheduledEventAttributes != null &&
      userMetadata?.summary != null &&
      defaultPayloadConverter.fromPayload(userMetadata.summary) === title,
  );
  const started = events.filter(
    ({ activityTaskStartedEventAttributes: attributes }) =>
      attributes != null && String(attributes.scheduledEventId) === String(scheduled?.eventId),
  );
  return Math.max(0, ...started.map((event) => event.activityTaskStartedEventAttributes?.attempt ?? 0));
}
