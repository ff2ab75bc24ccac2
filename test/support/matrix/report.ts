import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import type { MatrixSlot } from './matrix-slot.js';
import type { FaultPoint } from './fault-points.js';

const FOLDER = fileURLToPath(new URL('../../../.cache/fault-matrix', import.meta.url));

/** The outcome of a fault at a fault point: a cell of the matrix. */
export interface CellResult {
  point: string;
  fault: string;
  outcome: 'built' | 'failed' | 'red';
  /** The message of the failed build. In a red cell: the reason why the cell is red. */
  message?: string;
  /** Number of attempts of the step's activity. */
  attempts: number;
}

/** Collects the results of a part of the matrix. */
export class Report {
  readonly cells: CellResult[] = [];
  private readonly began = Date.now();
  private builds = 0;

  constructor(private readonly part: string) {}

  /** Adds the cells of one build, and counts the build. */
  add(cells: CellResult[]): void {
    this.builds += 1;
    this.cells.push(...cells);
  }

  /** Saves the results for the document, see scripts/write-fault-matrix.ts. */
  async save(): Promise<void> {
    await mkdir(FOLDER, { recursive: true });
    const { builds, cells } = this;
    const seconds = Math.round((Date.now() - this.began) / 1000);
    await writeFile(join(FOLDER, `${this.part}.json`), `${JSON.stringify({ seconds, builds, cells }, null, 1)}\n`);
  }
}

/** Reads from the histories how many attempts the activity of each point's step took. */
export async function countAttempts(slot: MatrixSlot, points: FaultPoint[]): Promise<Map<FaultPoint, number>> {
  const attempts = new Map<FaultPoint, number>();
  for (const of of ['base', 'jeos'] as const) {
    const own = points.filter((point) => point.of === of);
    if (own.length === 0) continue;
    const { events } = await slot.fetchHistory(of);
    for (const point of own) attempts.set(point, findAttempt(events ?? [], await slot.findTitle(point)));
  }
  return attempts;
}

/** Returns the number of attempts of the first activity with this title; 0 when no such activity has started. */
export function findAttempt(events: temporal.api.history.v1.IHistoryEvent[], title: string | undefined): number {
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
