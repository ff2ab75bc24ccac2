import type { BuildProgress, PendingActivity, WorkflowProgress } from '../../client/index.js';
import { listPhases, startPercent } from '../../domain/image-kinds.js';
import { toPlainLine, toPlainText } from '../../domain/plain-text.js';
import { describeWaiting, type BuildStatus, type StepStatus } from '../../domain/status.js';
import { formatHeldBuild } from './held.js';
import { formatBar, clip, formatClock } from './text.js';

/** The part of picocolors that the view uses. */
interface Colours {
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
  /** Address of the run's page in the Temporal UI. */
  page?: string | undefined;
  taskQueue: string;
  /** Last line, for example how to detach. */
  footer?: string | undefined;
}

/** A line before it is cut to the width. The colour is added after the cut, because colour codes take no space. */
interface Line {
  text: string;
  /** Text at the right edge. */
  right?: string;
  colour?: (text: string) => string;
}

const MARKS: Record<StepStatus['state'], string> = { running: '▶', done: '✓', failed: '✗', skipped: '–' };

/** Renders the view of a build. It is never wider than the columns and never higher than the rows. */
export function renderView(progress: BuildProgress, options: RenderOptions): string {
  const head = headLines(progress, options);
  const foot = footLines(progress, options);
  const body = bodyLines(progress, options.colours);
  const room = Math.max(1, options.rows - head.length - foot.length - 1);
  return [...head, ...keepLast(body, room, options.colours), ...foot]
    .slice(0, Math.max(1, options.rows - 1))
    .map((line) => drawLine(line, options.columns))
    .join('\n');
}

/** Keeps the last lines. When it leaves lines out, the first line that it returns gives their number. */
function keepLast(lines: Line[], room: number, colours: Colours): Line[] {
  if (lines.length <= room) return lines;
  const hidden = lines.length - room + 1;
  return [{ text: `  … ${hidden} lines above`, colour: colours.dim }, ...lines.slice(hidden)].slice(-room);
}

function drawLine({ text: given, right, colour = (same) => same }: Line, columns: number): string {
  // Removes the characters that control a terminal. Every line of the view passes through this function before it gets
  // its colour. So no text of a build can control the terminal.
  const text = toPlainText(given).replace(/\n/g, ' ');
  if (right === undefined) return colour(clip(text, columns));
  const room = Math.max(0, columns - right.length - 1);
  const left = clip(text, room);
  return colour(left + ' '.repeat(Math.max(0, room - [...left].length)) + ' ' + right);
}

function headLines(progress: BuildProgress, { colours, columns }: RenderOptions): Line[] {
  const { status } = progress;
  const elapsed = formatClock(readClock(progress) - progress.startedAt);
  if (status === undefined) return [{ text: `build ${progress.uuid}`, right: elapsed, colour: colours.bold }];
  const what = [status.name || progress.uuid, status.os && `(${status.os})`, `on cloud ${status.cloud}`]
    .filter(Boolean)
    .join(' ');
  const percent = computePercent(progress, status);
  const width = Math.max(10, Math.min(40, columns - 30));
  return [
    { text: toPlainLine(what), right: elapsed, colour: colours.bold },
    {
      text: [
        `${formatBar(percent, width)} ${String(percent).padStart(3)} %`,
        stateText(status, progress.execution),
        phaseText(status),
      ].join('  '),
      colour: stateColour(status, colours),
    },
    { text: '' },
  ];
}

/** Returns the time of the view's clock in milliseconds since the epoch: now, or the end of an ended build. */
export function readClock({ status, endedAt, at }: BuildProgress): number {
  return status?.endedAt ?? endedAt ?? at;
}

/**
 * Computes the percentage of a build. While the build waits for a shared run, the percentage of the run is scaled to the
 * present phase of the build.
 */
export function computePercent(progress: BuildProgress, status: BuildStatus): number {
  const inner = (progress.jeos ?? progress.preparation)?.status?.percent;
  if (inner === undefined) return status.percent;
  const phases: string[] = listPhases(status.type);
  const [from, to] = [
    startPercent(status.type, status.phase),
    startPercent(status.type, phases[phases.indexOf(status.phase) + 1]),
  ];
  return Math.max(status.percent, Math.floor(from + ((to - from) * inner) / 100));
}

function phaseText(status: BuildStatus): string {
  const phases: string[] = listPhases(status.type);
  return `phase ${phases.indexOf(status.phase) + 1}/${phases.length}: ${status.phase}`;
}

function stateText({ status, cancelRequestedAt, endedAt }: BuildStatus, execution: string): string {
  // If Temporal has ended the workflow, the workflow could not update its status. So show its state in Temporal
  // instead.
  if (endedAt === undefined && CUT_OFF.includes(execution)) return execution;
  if (cancelRequestedAt !== undefined && endedAt === undefined) return 'CANCELING';
  return status;
}

/** States of a workflow that Temporal has ended without running the code of the workflow. */
const CUT_OFF = ['TERMINATED', 'TIMED_OUT'];

function stateColour(status: BuildStatus, colours: Colours): (text: string) => string {
  if (status.held !== undefined) return colours.yellow;
  if (status.status === 'COMPLETE') return colours.green;
  return status.status === 'FAILED' || status.status === 'CANCELED' ? colours.red : colours.cyan;
}

function bodyLines(progress: BuildProgress, colours: Colours): Line[] {
  return workflowLines(progress, readClock(progress), progress.jeos ?? progress.preparation, '', colours);
}

function workflowLines(
  view: WorkflowProgress,
  now: number,
  inner: WorkflowProgress | undefined,
  indent: string,
  colours: Colours,
): Line[] {
  const steps = view.status?.steps ?? [];
  const lastRunning = steps.filter(({ state }) => state === 'running').at(-1);
  const lines = steps.flatMap((step) => {
    const shown = [stepLine(step, now, indent, colours)];
    if (step !== lastRunning) return shown;
    // When the installer run has a status, we show that instead of the activity that waits for the run, because the
    // run reports more.
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

/** Shows what the build waits for in the create queue, until an activity reports something newer. */
function waitingLines({ status, activities }: WorkflowProgress, indent: string, colours: Colours): Line[] {
  if (status?.waiting === undefined || activities.some(({ progress }) => progress !== undefined)) return [];
  return [{ text: `${indent}  ${toPlainLine(describeWaiting(status.waiting))}`, colour: colours.yellow }];
}

function innerLines(inner: WorkflowProgress, now: number, indent: string, colours: Colours): Line[] {
  return [
    {
      text: `${indent}${inner.status?.type === 'prepared_image' ? 'preparation' : 'installer run'} ${inner.workflowId}`,
      colour: colours.dim,
    },
    ...workflowLines(inner, now, undefined, indent, colours),
  ];
}

function stepLine(step: StepStatus, now: number, indent: string, colours: Colours): Line {
  const note = step.note === undefined ? '' : `: ${step.note}`;
  return {
    text: `${indent}  ${toPlainLine(`${MARKS[step.state]} ${step.title}${note}`)}`,
    right: formatClock((step.endedAt ?? now) - step.startedAt),
    colour: { running: colours.bold, done: colours.green, failed: colours.red, skipped: colours.dim }[step.state],
  };
}

function activityLines(activities: PendingActivity[], indent: string, colours: Colours): Line[] {
  return activities.flatMap((activity) => {
    const lines: Line[] = [];
    const { progress, attempt, lastFailure } = activity;
    if (progress !== undefined) {
      const percent = progress.percent === undefined ? '' : ` (${Math.floor(progress.percent)} %)`;
      lines.push({ text: `${indent}  ${toPlainLine(progress.message)}${percent}` });
    }
    if (progress?.consoleLine)
      lines.push({ text: `${indent}  console: ${toPlainLine(progress.consoleLine)}`, colour: colours.dim });
    const retry = formatRetry(attempt, activity.state, lastFailure);
    if (retry !== undefined) lines.push({ text: `${indent}  ${retry}`, colour: colours.yellow });
    return lines;
  });
}

/** Formats the attempt and the last failure of an activity. Returns undefined when no attempt has failed. */
export function formatRetry(
  attempt: number,
  state: PendingActivity['state'],
  lastFailure: string | undefined,
): string | undefined {
  if (attempt <= 1 || lastFailure === undefined) return undefined;
  const what = state === 'waiting' ? `tries again soon (attempt ${attempt})` : `attempt ${attempt}`;
  return toPlainLine(`${what} after: ${lastFailure}`);
}

function footLines(progress: BuildProgress, options: RenderOptions): Line[] {
  const { colours } = options;
  const lines: Line[] = [{ text: '' }];
  const trouble = findTrouble(progress, options.taskQueue);
  if (trouble !== undefined) lines.push({ text: trouble, colour: colours.yellow });
  if (progress.status?.held !== undefined) {
    lines.push(
      ...formatHeldBuild(progress.status, progress.status.held, progress.at).map((text) => ({
        text,
        colour: colours.yellow,
      })),
    );
  }
  // Leaves out a link that is too long, because a cut link does not work. The start of the build printed the link.
  if (options.page !== undefined && options.page.length <= options.columns)
    lines.push({ text: options.page, colour: colours.dim });
  if (options.footer !== undefined) lines.push({ text: options.footer, colour: colours.dim });
  return lines;
}

/** Finds the reason why a build may not continue. Returns undefined when there is none. */
export function findTrouble(progress: BuildProgress, taskQueue: string): string | undefined {
  if (progress.unreachable !== undefined) return toPlainLine(`Temporal does not answer: ${progress.unreachable}`);
  if (progress.execution === 'PAUSED') return 'the workflow is paused';
  if (progress.workers !== false) return undefined;
  return `no worker polls the task queue "${taskQueue}", so the build waits: start one with \`imagefactory worker\``;
}
