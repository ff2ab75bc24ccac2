import { listPhases, startPercent } from '../../domain/image-kinds.js';
import { describeWaiting, type BuildStatus, type StepStatus } from '../../domain/status.js';
import type { PendingActivity } from '../../client/pending-activity.js';
import type { Observation, WorkflowView } from '../../client/watch.js';
import { heldLines } from './held.js';
import { bar, clip, clock, plain } from './text.js';

/** The part of picocolors that the view uses. */
export interface Colours {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

export interface RenderOptions {
  columns: number;
  rows: number;
  colours: Colours;
  /** Page of the run in the Temporal UI. */
  page?: string | undefined;
  taskQueue: string;
  /** Last line, e.g. how to detach. */
  footer?: string | undefined;
}

/** A line before it is cut to the width: colour comes after, so that it does not count. */
interface Line {
  text: string;
  /** Stands at the right edge. */
  right?: string;
  colour?: (text: string) => string;
}

const MARKS: Record<StepStatus['state'], string> = { running: '▶', done: '✓', failed: '✗', skipped: '–' };

/** The live view of a build: never wider than the columns, never higher than the rows. Pure. */
export function renderView(seen: Observation, options: RenderOptions): string {
  const head = headLines(seen, options);
  const foot = footLines(seen, options);
  const body = bodyLines(seen, options.colours);
  const room = Math.max(1, options.rows - head.length - foot.length - 1);
  return [...head, ...newest(body, room, options.colours), ...foot]
    .slice(0, Math.max(1, options.rows - 1))
    .map((line) => drawn(line, options.columns))
    .join('\n');
}

/** Keeps the last lines, and says how many were left out. */
function newest(lines: Line[], room: number, colours: Colours): Line[] {
  if (lines.length <= room) return lines;
  const hidden = lines.length - room + 1;
  return [{ text: `  … ${hidden} lines above`, colour: colours.dim }, ...lines.slice(hidden)].slice(-room);
}

function drawn({ text, right, colour = (same) => same }: Line, columns: number): string {
  if (right === undefined) return colour(clip(text, columns));
  const room = Math.max(0, columns - right.length - 1);
  const left = clip(text, room);
  return colour(left + ' '.repeat(Math.max(0, room - [...left].length)) + ' ' + right);
}

function headLines(seen: Observation, { colours, columns }: RenderOptions): Line[] {
  const { status } = seen;
  const elapsed = clock((status?.endedAt ?? seen.at) - seen.startedAt);
  if (status === undefined) return [{ text: `build ${seen.uuid}`, right: elapsed, colour: colours.bold }];
  const what = [status.name || seen.uuid, status.os && `(${status.os})`, `on cloud ${status.cloud}`]
    .filter(Boolean)
    .join(' ');
  const percent = computePercent(seen, status);
  const width = Math.max(10, Math.min(40, columns - 30));
  return [
    { text: plain(what), right: elapsed, colour: colours.bold },
    {
      text: `${bar(percent, width)} ${String(percent).padStart(3)} %  ${stateText(status, seen.execution)}  ${phaseText(status)}`,
      colour: stateColour(status, colours),
    },
    { text: '' },
  ];
}

/** A build that waits for its installer run is as far as that run takes it: from the JEOS phase on to the next. */
export function computePercent(seen: Observation, status: BuildStatus): number {
  const inner = seen.jeos?.status?.percent;
  if (inner === undefined) return status.percent;
  const [from, to] = [startPercent('base_image', 'jeos'), startPercent('base_image', 'customise')];
  return Math.max(status.percent, Math.floor(from + ((to - from) * inner) / 100));
}

function phaseText(status: BuildStatus): string {
  const phases: string[] = listPhases(status.type);
  return `phase ${phases.indexOf(status.phase) + 1}/${phases.length}: ${status.phase}`;
}

function stateText({ status, held, cancelRequestedAt, endedAt }: BuildStatus, execution: string): string {
  // A run that Temporal has ended could not say so itself.
  if (endedAt === undefined && CUT_OFF.includes(execution)) return execution;
  if (cancelRequestedAt !== undefined && endedAt === undefined) return 'CANCELING';
  return held === undefined ? status : 'HELD';
}

/** Ends of a run of which the build's own code hears nothing. */
const CUT_OFF = ['TERMINATED', 'TIMED_OUT'];

function stateColour(status: BuildStatus, colours: Colours): (text: string) => string {
  if (status.held !== undefined) return colours.yellow;
  if (status.status === 'COMPLETE') return colours.green;
  return status.status === 'FAILED' || status.status === 'CANCELED' ? colours.red : colours.cyan;
}

function bodyLines(seen: Observation, colours: Colours): Line[] {
  return workflowLines(seen, seen.at, seen.jeos, '', colours);
}

function workflowLines(
  view: WorkflowView,
  now: number,
  inner: WorkflowView | undefined,
  indent: string,
  colours: Colours,
): Line[] {
  const steps = view.status?.steps ?? [];
  const lastRunning = steps.filter(({ state }) => state === 'running').at(-1);
  const lines = steps.flatMap((step) => {
    const shown = [stepLine(step, now, indent, colours)];
    if (step !== lastRunning) return shown;
    // The installer run says more than the activity that waits for it.
    const within = inner?.status === undefined ? activityLines(view.activities, `${indent}    `, colours) : [];
    return [
      ...shown,
      ...waitingLines(view, `${indent}    `, colours),
      ...within,
      ...(inner === undefined ? [] : innerLines(inner, now, `${indent}    `, colours)),
    ];
  });
  return lastRunning === undefined ? [...lines, ...activityLines(view.activities, `${indent}    `, colours)] : lines;
}

/** What the build waits for; what it reports itself of its turn is newer. */
function waitingLines({ status, activities }: WorkflowView, indent: string, colours: Colours): Line[] {
  if (status?.waiting === undefined || activities.some(({ progress }) => progress !== undefined)) return [];
  return [{ text: `${indent}  ${plain(describeWaiting(status.waiting))}`, colour: colours.yellow }];
}

function innerLines(inner: WorkflowView, now: number, indent: string, colours: Colours): Line[] {
  return [
    { text: `${indent}installer run ${inner.workflowId}`, colour: colours.dim },
    ...workflowLines(inner, now, undefined, indent, colours),
  ];
}

function stepLine(step: StepStatus, now: number, indent: string, colours: Colours): Line {
  const note = step.note === undefined ? '' : `: ${step.note}`;
  return {
    text: `${indent}  ${plain(`${MARKS[step.state]} ${step.title}${note}`)}`,
    right: clock((step.endedAt ?? now) - step.startedAt),
    colour: { running: colours.bold, done: colours.green, failed: colours.red, skipped: colours.dim }[step.state],
  };
}

function activityLines(activities: PendingActivity[], indent: string, colours: Colours): Line[] {
  return activities.flatMap((activity) => {
    const lines: Line[] = [];
    const { progress, attempt, lastFailure } = activity;
    if (progress !== undefined) {
      const percent = progress.percent === undefined ? '' : ` (${Math.floor(progress.percent)} %)`;
      lines.push({ text: `${indent}  ${plain(progress.message)}${percent}` });
    }
    if (progress?.consoleLine)
      lines.push({ text: `${indent}  console: ${plain(progress.consoleLine)}`, colour: colours.dim });
    const retry = retryText(attempt, activity.state, lastFailure);
    if (retry !== undefined) lines.push({ text: `${indent}  ${retry}`, colour: colours.yellow });
    return lines;
  });
}

/** What to say of an activity that did not get through at once. */
export function retryText(
  attempt: number,
  state: PendingActivity['state'],
  lastFailure: string | undefined,
): string | undefined {
  if (attempt <= 1 || lastFailure === undefined) return undefined;
  const what = state === 'waiting' ? `tries again soon (attempt ${attempt})` : `attempt ${attempt}`;
  return plain(`${what} after: ${lastFailure}`);
}

function footLines(seen: Observation, options: RenderOptions): Line[] {
  const { colours } = options;
  const lines: Line[] = [{ text: '' }];
  const trouble = troubleText(seen, options.taskQueue);
  if (trouble !== undefined) lines.push({ text: trouble, colour: colours.yellow });
  if (seen.status?.held !== undefined) {
    lines.push(...heldLines(seen.status, seen.status.held, seen.at).map((text) => ({ text, colour: colours.yellow })));
  }
  // A link that is cut leads nowhere; it was printed when the build was started.
  if (options.page !== undefined && options.page.length <= options.columns)
    lines.push({ text: options.page, colour: colours.dim });
  if (options.footer !== undefined) lines.push({ text: options.footer, colour: colours.dim });
  return lines;
}

/** Why nothing may be happening, where that is known. */
export function troubleText(seen: Observation, taskQueue: string): string | undefined {
  if (seen.unreachable !== undefined) return plain(`Temporal does not answer: ${seen.unreachable}`);
  if (seen.execution === 'PAUSED') return 'the workflow is paused';
  // A worker that is just starting should not be called missing.
  if (seen.workers !== false || seen.at - seen.startedAt < 10_000) return undefined;
  const what = seen.status === undefined ? 'no worker has taken the build yet' : 'no worker is there to go on';
  return `${what}: start one with \`imagefactory worker\` (task queue ${taskQueue})`;
}
