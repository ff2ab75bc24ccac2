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
  QUEUE_LENGTH_QUERY,
  QUEUE_NOTICE_SIGNAL,
  QUEUE_POSITION_QUERY,
  QUEUE_SHORTAGE_SIGNAL,
  QUEUE_TURN_QUERY,
  type CreateQueueInput,
} from '../../domain/messages.js';
import { callActivity } from '../lifecycle/activity-options.js';

const noticeSignal = defineSignal<[QueueNotice]>(QUEUE_NOTICE_SIGNAL);

/** Milliseconds for which an empty queue waits for a new member before the workflow ends. */
const IDLE_TIMEOUT = 60_000;
/** While no member waits, the time between two checks of the active members is multiplied by this factor. */
const CHECK_SELDOM = 20;
/** Number of events in the history after which the workflow continues as new. */
const MAX_EVENTS_BEFORE_CONTINUE_AS_NEW = 4000;

/**
 * Runs the create queue of a project, which every build joins to create an instance there: see {@link CreateQueue}. A
 * build's workflow joins the queue by a signal, and then queries its turn or its position. If the workflow has to wait,
 * the queue sends it a signal when its turn comes. The workflow then joins again.
 *
 * When the queue cannot signal a waiting workflow because that workflow has ended, the queue removes this member. The
 * queue also checks from time to time whether the members with a turn or a slot still run, because a terminated build
 * cannot leave by itself.
 *
 * The queue makes no decision by the workflow's clock. It uses only timers that fire, and the times that signals and
 * results of activities contain: see docs/adr/0007-no-workflow-reads-the-clock-after-a-timer.md.
 */
export async function createQueue(input: CreateQueueInput): Promise<void> {
  const queue = new CreateQueue(input.state);
  /** The latest time in a signal or in the result of an activity, in milliseconds since the epoch. */
  let now = 0;
  const learnTime = (at = 0): number => (now = Math.max(now, at));
  let hasChanged = true;
  let pendingNotices = 0;
  const change = (apply: () => void): void => {
    apply();
    hasChanged = true;
  };
  const sendNotice = async (id: string, notice: QueueNotice): Promise<void> => {
    pendingNotices += 1;
    try {
      await getExternalWorkflowHandle(id).signal(noticeSignal, notice);
    } catch {
      change(() => queue.leave(id));
    } finally {
      pendingNotices -= 1;
    }
  };
  /**
   * Sends each notice of the queue as a signal to its member. A notice contains a new turn or position. The member
   * `joiningId` joins now and will query its turn and position itself. So it gets a signal only if the queue expels it.
   */
  const notifyMembers = (joiningId?: string): void => {
    for (const { id, notice } of queue.advance(now)) {
      if (id !== joiningId || notice.state === 'expelled') void sendNotice(id, notice);
    }
  };
  setHandler(defineSignal<[QueueMember, boolean, number | null]>(QUEUE_JOIN_SIGNAL), (member, hasInstance, limit) => {
    queue.join(member, hasInstance, limit ?? undefined);
    // notifyMembers also grants turns. The loop below would grant them too late, because the joining member queries its
    // turn at once.
    notifyMembers(member.id);
    hasChanged = true;
  });
  setHandler(defineSignal<[string, string, number]>(QUEUE_SHORTAGE_SIGNAL), (id, reason, at) =>
    change(() => queue.reportShortage(id, reason, learnTime(at))),
  );
  setHandler(defineSignal<[string, TurnOutcome, number]>(QUEUE_TURN_FINISHED_SIGNAL), (id, outcome, at) =>
    change(() => queue.finishTurn(id, outcome, learnTime(at))),
  );
  setHandler(defineSignal<[string]>(QUEUE_LEAVE_SIGNAL), (id) => change(() => queue.leave(id)));
  setHandler(defineQuery<QueuePosition | null, [string]>(QUEUE_POSITION_QUERY), (id) => queue.findPosition(id) ?? null);
  setHandler(defineQuery<QueueAnswer | null, [string]>(QUEUE_TURN_QUERY), (id) => queue.answerMember(id) ?? null);

  setHandler(defineQuery<number>(QUEUE_LENGTH_QUERY), () => queue.waitingCount);

  let checkedAt = Date.now();
  const nextCheck = (): number => checkedAt + input.checkEvery * 1000 * (queue.hasWaiting ? 1 : CHECK_SELDOM);
  const removeEndedMembers = async (): Promise<void> => {
    checkedAt = Date.now();
    if (queue.activeIds.length === 0) return;
    const seen = await callActivity(
      'findEndedWorkflows',
      { ids: queue.activeIds },
      { summary: 'check which builds with a turn or a slot have ended', heartbeatTimeout: input.heartbeatTimeout },
    ).catch(() => undefined);
    learnTime(seen?.at ?? 0);
    for (const id of seen?.ended ?? []) change(() => queue.leave(id));
  };

  for (;;) {
    const timeout = queue.isEmpty ? IDLE_TIMEOUT : Math.max(1, nextCheck() - Date.now());
    const summary = queue.isEmpty
      ? 'end, because no build is in the queue'
      : 'check whether the builds with a turn or a slot still run';
    const changedInTime = await condition(() => hasChanged, timeout, { summary });
    if (!changedInTime && queue.isEmpty) break;
    if (!changedInTime) await removeEndedMembers();
    hasChanged = false;
    notifyMembers();
    if (workflowInfo().historyLength < MAX_EVENTS_BEFORE_CONTINUE_AS_NEW) continue;
    await condition(() => pendingNotices === 0);
    await continueAsNew<typeof createQueue>({ ...input, state: queue.state });
  }
}
