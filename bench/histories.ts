import type { temporal } from '@temporalio/proto';
import type { TestEnv, Build } from '../test/support/bed.js';

type Event = temporal.api.history.v1.IHistoryEvent;

/** What the histories of a build tell. */
export interface Told {
  /** Events of the build's own history, and of its installer's run. */
  events: number;
  jeosEvents: number;
  /** Milliseconds from start to end. */
  wall: number;
  /** Milliseconds of it in which no activity of the build ran: Temporal's and our own time between the steps. */
  between: number;
}

/** Reads the histories of a finished build. */
export async function toldBy(bed: TestEnv, build: Build): Promise<Told> {
  const events = (await build.handle.fetchHistory()).events ?? [];
  const { jeosWorkflowId } = await build.status();
  const jeos = bed.temporal.client.workflow.getHandle(jeosWorkflowId ?? '');
  const { historyLength } = await jeos.describe();
  const wall = timeOf(events.at(-1)) - timeOf(events[0]);
  return { events: events.length, jeosEvents: historyLength, wall, between: wall - covered(spans(events)) };
}

function timeOf(event: Event | undefined): number {
  return Number(event?.eventTime?.seconds ?? 0) * 1000 + Number(event?.eventTime?.nanos ?? 0) / 1e6;
}

/** From when to when each activity ran. */
function spans(events: Event[]): [number, number][] {
  const started = new Map(
    events
      .filter((event) => event.activityTaskStartedEventAttributes)
      .map((event) => [String(event.eventId), timeOf(event)]),
  );
  return events.flatMap((event): [number, number][] => {
    const id = event.activityTaskCompletedEventAttributes?.startedEventId;
    const from = id === undefined ? undefined : started.get(String(id));
    return from === undefined ? [] : [[from, timeOf(event)]];
  });
}

/** The length of a union of spans. */
function covered(of: [number, number][]): number {
  let end = -Infinity;
  let sum = 0;
  for (const [from, to] of [...of].sort(([a], [b]) => a - b)) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}
