import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  CreateQueue,
  type QueueAnswer,
  type QueueNotice,
  type QueuePosition,
  type QueueMember,
  type TurnOutcome,
} from '../../domain/create-queue.js';
import {
  QUEUE_TURN_FINISHED_SIGNAL,
  QUEUE_JOIN_SIGNAL,
  QUEUE_LEAVE_SIGNAL,
  QUEUE_NOTICE_SIGNAL,
  QUEUE_POSITION_QUERY,
  QUEUE_SHORTAGE_SIGNAL,
  QUEUE_TURN_QUERY,
  type CreateQueueInput,
} from '../../domain/messages.js';
import { call } from '../lifecycle/activity-options.js';

const newsSignal = defineSignal<[QueueNotice]>(QUEUE_NOTICE_SIGNAL);

/** Milliseconds for which an empty line waits for somebody to join. */
const IDLE = 60_000;
/** How many times more seldom it looks after the others when nobody waits. */
const SELDOM = 20;
/** Events of a history that is handed on. */
const LONG = 4000;

/**
 * The line of a project, which everybody joins who wants to create an instance there: see {@link CreateQueue}. Who joins asks how it
 * stands; who must wait is told of its turn by a signal, and asks again. A signal that finds nobody is how it learns that a waiting build has ended. Those who have their turn
 * or a slot are looked after now and then, because a build that was terminated does not leave.
 *
 * It never goes by its own clock, only by timers that go off and by times that it is told: see "The workflow's clock" in
 * docs/architecture.md.
 */
export async function createQueue(input: CreateQueueInput): Promise<void> {
  const line = new CreateQueue(input.state);
  /** The latest time that it has heard of. */
  let now = 0;
  const hear = (at = 0): number => (now = Math.max(now, at));
  let isNew = true;
  let telling = 0;
  const tell = async (id: string, news: QueueNotice): Promise<void> => {
    telling += 1;
    try {
      await getExternalWorkflowHandle(id).signal(newsSignal, news);
    } catch {
      change(() => line.leave(id));
    } finally {
      telling -= 1;
    }
  };
  /** Tells everybody what is new for them, but the one that asks and hears it as the answer. */
  const say = (asking?: string): void => {
    for (const { id, news } of line.advance(now)) {
      if (id !== asking || news.state === 'expelled') void tell(id, news);
    }
  };
  const change = (how: () => void): void => {
    how();
    isNew = true;
  };
  setHandler(defineSignal<[QueueMember, boolean, number | null]>(QUEUE_JOIN_SIGNAL), (member, hasInstance, limit) => {
    line.join(member, hasInstance, limit ?? undefined);
    // At once, whatever is under way below: the query for the answer comes right after.
    say(member.id);
    isNew = true;
  });
  setHandler(defineSignal<[string, string, number]>(QUEUE_SHORTAGE_SIGNAL), (id, reason, at) =>
    change(() => line.reportShortage(id, reason, hear(at))),
  );
  setHandler(defineSignal<[string, TurnOutcome, number]>(QUEUE_TURN_FINISHED_SIGNAL), (id, end, at) =>
    change(() => line.finishTurn(id, end, hear(at))),
  );
  setHandler(defineSignal<[string]>(QUEUE_LEAVE_SIGNAL), (id) => change(() => line.leave(id)));
  setHandler(defineQuery<QueuePosition | null, [string]>(QUEUE_POSITION_QUERY), (id) => line.findPosition(id) ?? null);
  setHandler(defineQuery<QueueAnswer | null, [string]>(QUEUE_TURN_QUERY), (id) => line.answerMember(id) ?? null);

  let lookedAt = Date.now();
  const nextLook = (): number => lookedAt + input.checkEvery * 1000 * (line.hasWaiting ? 1 : SELDOM);
  const lookAfter = async (): Promise<void> => {
    lookedAt = Date.now();
    if (line.activeIds.length === 0) return;
    const seen = await call('findEndedWorkflows', [{ ids: line.activeIds }], {
      summary: 'see whether those still live whose turn it is',
      heartbeatTimeout: input.heartbeatTimeout,
    }).catch(() => undefined);
    hear(seen?.at ?? 0);
    for (const id of seen?.ended ?? []) change(() => line.leave(id));
  };

  for (;;) {
    const left = line.isEmpty ? IDLE : Math.max(1, nextLook() - Date.now());
    const isChanged = await condition(() => isNew, left);
    if (!isChanged && line.isEmpty) break;
    if (!isChanged) await lookAfter();
    isNew = false;
    say();
    if (workflowInfo().historyLength < LONG) continue;
    await condition(() => telling === 0);
    await continueAsNew<typeof createQueue>({ ...input, state: line.state });
  }
}
