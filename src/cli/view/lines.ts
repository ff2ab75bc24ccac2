import type { BuildProgress, PendingActivity, WorkflowProgress } from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { describeWaiting, type StepStatus } from '../../domain/status.js';
import { formatHeldBuild } from './held.js';
import { computePercent, formatRetry, findTrouble, readClock } from './render.js';
import { formatClock } from './text.js';

/** Minimum milliseconds between two lines about the same activity, because its report may change every second. */
const ACTIVITY_PACE = 15_000;

/** Turns the progress of a build into one line for each change, for logs and pipes. */
export class ChangeLog {
  private readonly steps = new Map<string, StepStatus['state']>();
  private readonly printed = new Map<string, { text: string; at: number }>();
  private trouble: string | undefined;
  private heldSince: number | undefined;

  constructor(
    private readonly taskQueue: string,
    /** Also print every report of an activity and every line of a console. */
    private readonly verbose: boolean,
  ) {}

  /** Returns the lines for what has changed since the last call. */
  listChanges(progress: BuildProgress): string[] {
    const lines = [
      ...this.listWorkflowChanges(progress, ''),
      ...(progress.jeos === undefined ? [] : this.listWorkflowChanges(progress.jeos, 'installer: ')),
      ...(progress.preparation === undefined ? [] : this.listWorkflowChanges(progress.preparation, 'guest: ')),
    ];
    const trouble = findTrouble(progress, this.taskQueue);
    if (trouble !== undefined && trouble !== this.trouble) lines.push(trouble);
    if (trouble === undefined && this.trouble !== undefined) lines.push('the build goes on');
    this.trouble = trouble;
    const since = progress.status?.held?.since;
    if (progress.status?.held !== undefined && since !== this.heldSince) {
      lines.push(...formatHeldBuild(progress.status, progress.status.held, progress.at));
    }
    if (since === undefined && this.heldSince !== undefined) lines.push('the build goes on');
    this.heldSince = since;
    const percent = progress.status === undefined ? 0 : computePercent(progress, progress.status);
    const stamp = `${formatClock(readClock(progress) - progress.startedAt).padStart(7)} ${String(percent).padStart(3)} %`;
    return lines.map((line) => `${stamp}  ${line}`);
  }

  private listWorkflowChanges(view: WorkflowProgress, prefix: string): string[] {
    const lines: string[] = [];
    (view.status?.steps ?? []).forEach((step, index) => {
      const key = `${view.workflowId} ${index}`;
      if (this.steps.get(key) === step.state) return;
      const begun = this.steps.has(key);
      this.steps.set(key, step.state);
      lines.push(`${prefix}${stepText(step, begun)}`);
    });
    const { waiting } = view.status ?? {};
    const text = waiting === undefined ? undefined : toPlainLine(describeWaiting(waiting));
    if (text !== undefined && this.shouldPrint(`${view.workflowId} waiting`, text, this.verbose ? 0 : ACTIVITY_PACE)) {
      lines.push(`${prefix}  ${text}`);
    }
    return [
      ...lines,
      ...view.activities.flatMap((activity) => this.listActivityChanges(view.workflowId, activity, prefix)),
    ];
  }

  private listActivityChanges(workflowId: string, activity: PendingActivity, prefix: string): string[] {
    const key = `${workflowId} ${activity.type}`;
    const { progress } = activity;
    const retry = formatRetry(activity.attempt, activity.state, activity.lastFailure);
    const lines: string[] = [];
    if (retry !== undefined && this.shouldPrint(`${key} retry`, retry, 0)) lines.push(`${prefix}  ${retry}`);
    if (progress === undefined) return lines;
    const pace = this.verbose ? 0 : ACTIVITY_PACE;
    const message = toPlainLine(progress.message);
    if (this.shouldPrint(`${key} message`, message, pace)) lines.push(`${prefix}  ${message}`);
    const line = this.verbose && progress.consoleLine ? toPlainLine(progress.consoleLine) : '';
    if (line !== '' && this.shouldPrint(`${key} console`, line, 0)) lines.push(`${prefix}  console: ${line}`);
    return lines;
  }

  private shouldPrint(key: string, text: string, pace: number): boolean {
    const before = this.printed.get(key);
    const now = Date.now();
    if (before !== undefined && (before.text === text || now - before.at < pace)) return false;
    this.printed.set(key, { text, at: now });
    return true;
  }
}

function stepText(step: StepStatus, begun: boolean): string {
  if (step.state === 'running') return toPlainLine(`${step.phase}: ${step.title}`);
  const took = step.endedAt === undefined ? '' : ` in ${formatClock(step.endedAt - step.startedAt)}`;
  const note = step.note === undefined ? '' : `: ${step.note}`;
  const words = { done: 'done', failed: 'FAILED', skipped: 'skipped' }[step.state];
  // If the step began and ended between two reads, no line for its beginning was printed. So this line gives its phase
  // and title.
  const title = begun ? step.name : `${step.phase}: ${step.title},`;
  return toPlainLine(`${title} ${words}${took}${note}`);
}
