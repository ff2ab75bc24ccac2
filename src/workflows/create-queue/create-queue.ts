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
  Line,
  type LineAnswer,
  type LineNews,
  type LinePosition,
  type Member,
  type TurnEnd,
} from '../../domain/create-queue.js';
import {
  LINE_DONE_SIGNAL,
  LINE_JOIN_SIGNAL,
  LINE_LEAVE_SIGNAL,
  LINE_NEWS_SIGNAL,
  LINE_QUERY,
  LINE_SHORT_SIGNAL,
  LINE_TURN_QUERY,
  type LineInput,
} from '../../domain/messages.js';
import { call } from '../lifecycle/activity-options.js';

const newsSignal = defineSignal<[LineNews]>(LINE_NEWS_SIGNAL);

/** Milliseconds for which an empty line waits for somebody to join. */
const IDLE = 60_000;
/** How many times more seldom it looks after the others when nobody waits. */
const SELDOM = 20;
/** Events of a history that is handed on. */
const LONG = 4000;

/**
 * The line of a project, which everybody joins who wants to create an instance there: see {@link Line}. Who joins asks how it
 * stands; who must wait is told of its turn by a signal, and asks again. A signal that finds nobody is how it learns that a waiting build has ended. Those who have their turn
 * or a slot are looked after now and then, because a build that was terminated does not leave.
 *
 * It never goes by its own clock, only by timers that go off and by times that it is told: see "The workflow's clock" in
 * docs/architecture.md.
 */
export async function cloudLine(input: LineInput): Promise<void> {
  const line = new Line(input.state);
  /** The latest time that it has heard of. */
  let now = 0;
  const hear = (at = 0): number => (now = Math.max(now, at));
  let isNew = true;
  let telling = 0;
  const tell = async (id: string, news: LineNews): Promise<void> => {
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
  setHandler(defineSignal<[Member, boolean, number | null]>(LINE_JOIN_SIGNAL), (member, hasInstance, limit) => {
    line.join(member, hasInstance, limit ?? undefined);
    // At once, whatever is under way below: the query for the answer comes right after.
    say(member.id);
    isNew = true;
  });
  setHandler(defineSignal<[string, string, number]>(LINE_SHORT_SIGNAL), (id, reason, at) =>
    change(() => line.short(id, reason, hear(at))),
  );
  setHandler(defineSignal<[string, TurnEnd, number]>(LINE_DONE_SIGNAL), (id, end, at) =>
    change(() => line.done(id, end, hear(at))),
  );
  setHandler(defineSignal<[string]>(LINE_LEAVE_SIGNAL), (id) => change(() => line.leave(id)));
  setHandler(defineQuery<LinePosition | null, [string]>(LINE_QUERY), (id) => line.positionOf(id) ?? null);
  setHandler(defineQuery<LineAnswer | null, [string]>(LINE_TURN_QUERY), (id) => line.answerTo(id) ?? null);

  let lookedAt = Date.now();
  const nextLook = (): number => lookedAt + input.checkEvery * 1000 * (line.hasWaiting ? 1 : SELDOM);
  const lookAfter = async (): Promise<void> => {
    lookedAt = Date.now();
    if (line.active.length === 0) return;
    const seen = await call('endedWorkflows', [{ ids: line.active }], {
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
    await continueAsNew<typeof cloudLine>({ ...input, state: line.state });
  }
}
