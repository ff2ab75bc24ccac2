import type { temporal } from '@temporalio/proto';
import type { TestEnv, Build } from '../test/support/test-env.js';

type Event = temporal.api.history.v1.IHistoryEvent;

/** The figures that a benchmark reads from the histories of a build and its installer run. */
export interface HistoryFigures {
  /**
   * `events`: number of events in the history of the build. `jeosEvents`: number of events in the history of its
   * installer run.
   */
  events: number;
  jeosEvents: number;
  /** Milliseconds from the first event of the build to its last. */
  wall: number;
  /**
   * Milliseconds of `wall` in which no activity of the build ran. This is the time that Temporal and our workflow take
   * between the steps.
   */
  between: number;
}

/** Reads the figures from the histories of a finished build and its installer run. */
export async function readHistories(env: TestEnv, build: Build): Promise<HistoryFigures> {
  const events = (await build.handle.fetchHistory()).events ?? [];
  const { jeosWorkflowId } = await build.status();
  const jeos = env.temporal.client.workflow.getHandle(jeosWorkflowId ?? '');
  const { historyLength } = await jeos.describe();
  const wall = readTime(events.at(-1)) - readTime(events[0]);
  return { events: events.length, jeosEvents: historyLength, wall, between: wall - sumCovered(listSpans(events)) };
}

function readTime(event: Event | undefined): number {
  return Number(event?.eventTime?.seconds ?? 0) * 1000 + Number(event?.eventTime?.nanos ?? 0) / 1e6;
}

/** Lists the start and end of each completed activity, in milliseconds since 1970. */
function listSpans(events: Event[]): [number, number][] {
  const started = new Map(
    events
      .filter((event) => event.activityTaskStartedEventAttributes)
      .map((event) => [String(event.eventId), readTime(event)]),
  );
  return events.flatMap((event): [number, number][] => {
    const id = event.activityTaskCompletedEventAttributes?.startedEventId;
    const from = id === undefined ? undefined : started.get(String(id));
    return from === undefined ? [] : [[from, readTime(event)]];
  });
}

/** Computes how many milliseconds the spans cover together. Time in which spans overlap counts once. */
function sumCovered(of: [number, number][]): number {
  let end = -Infinity;
  let sum = 0;
  for (const [from, to] of [...of].sort(([a], [b]) => a - b)) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}
