import { describeWaiting, type StepStatus } from '../../domain/status.js';
import type { PendingActivity } from '../../client/pending-activity.js';
import type { Observation, WorkflowView } from '../../client/watch.js';
import { heldLines } from './held.js';
import { computePercent, retryText, troubleText } from './render.js';
import { clock, plain } from './text.js';

/** Milliseconds between two lines about the same activity: what it reports often changes by the second. */
const ACTIVITY_PACE = 15_000;

/** Tells a build as one line a change, for logs and pipes. */
export class ChangeLines {
  private readonly steps = new Map<string, StepStatus['state']>();
  private readonly said = new Map<string, { text: string; at: number }>();
  private trouble: string | undefined;
  private heldSince: number | undefined;

  constructor(
    private readonly taskQueue: string,
    /** Also what activities report, line by line of a console. */
    private readonly verbose: boolean,
  ) {}

  /** The lines that are new since the last observation. */
  changes(seen: Observation): string[] {
    const lines = [
      ...this.ofWorkflow(seen, ''),
      ...(seen.jeos === undefined ? [] : this.ofWorkflow(seen.jeos, 'installer: ')),
    ];
    const trouble = troubleText(seen, this.taskQueue);
    if (trouble !== undefined && trouble !== this.trouble) lines.push(trouble);
    if (trouble === undefined && this.trouble !== undefined) lines.push('the build goes on');
    this.trouble = trouble;
    const since = seen.status?.held?.since;
    if (seen.status?.held !== undefined && since !== this.heldSince) {
      lines.push(...heldLines(seen.status, seen.status.held, seen.at));
    }
    if (since === undefined && this.heldSince !== undefined) lines.push('the build goes on');
    this.heldSince = since;
    const percent = seen.status === undefined ? 0 : computePercent(seen, seen.status);
    const stamp = `${clock(seen.at - seen.startedAt).padStart(7)} ${String(percent).padStart(3)} %`;
    return lines.map((line) => `${stamp}  ${line}`);
  }

  private ofWorkflow(view: WorkflowView, prefix: string): string[] {
    const lines: string[] = [];
    (view.status?.steps ?? []).forEach((step, index) => {
      const key = `${view.workflowId} ${index}`;
      if (this.steps.get(key) === step.state) return;
      const begun = this.steps.has(key);
      this.steps.set(key, step.state);
      lines.push(`${prefix}${stepText(step, begun)}`);
    });
    const { waiting } = view.status ?? {};
    const text = waiting === undefined ? undefined : plain(describeWaiting(waiting));
    if (text !== undefined && this.isNews(`${view.workflowId} waiting`, text, this.verbose ? 0 : ACTIVITY_PACE)) {
      lines.push(`${prefix}  ${text}`);
    }
    return [...lines, ...view.activities.flatMap((activity) => this.ofActivity(view.workflowId, activity, prefix))];
  }

  private ofActivity(workflowId: string, activity: PendingActivity, prefix: string): string[] {
    const key = `${workflowId} ${activity.type}`;
    const { progress } = activity;
    const retry = retryText(activity.attempt, activity.state, activity.lastFailure);
    const lines: string[] = [];
    if (retry !== undefined && this.isNews(`${key} retry`, retry, 0)) lines.push(`${prefix}  ${retry}`);
    if (progress === undefined) return lines;
    const pace = this.verbose ? 0 : ACTIVITY_PACE;
    const message = plain(progress.message);
    if (this.isNews(`${key} message`, message, pace)) lines.push(`${prefix}  ${message}`);
    const line = this.verbose && progress.consoleLine ? plain(progress.consoleLine) : '';
    if (line !== '' && this.isNews(`${key} console`, line, 0)) lines.push(`${prefix}  console: ${line}`);
    return lines;
  }

  private isNews(key: string, text: string, pace: number): boolean {
    const before = this.said.get(key);
    const now = Date.now();
    if (before !== undefined && (before.text === text || now - before.at < pace)) return false;
    this.said.set(key, { text, at: now });
    return true;
  }
}

function stepText(step: StepStatus, begun: boolean): string {
  if (step.state === 'running') return plain(`${step.phase}: ${step.title}`);
  const took = step.endedAt === undefined ? '' : ` in ${clock(step.endedAt - step.startedAt)}`;
  const note = step.note === undefined ? '' : `: ${step.note}`;
  const words = { done: 'done', failed: 'FAILED', skipped: 'skipped' }[step.state];
  // A step that began and ended between two looks has not been named yet.
  const title = begun ? step.name : `${step.phase}: ${step.title},`;
  return plain(`${title} ${words}${took}${note}`);
}
