import {
  commandsForHeld,
  describeWaiting,
  type BuildStatus,
  type HeldBuild,
  type StepStatus,
} from '../../domain/status.js';

const MARKS: Record<StepStatus['state'], string> = { running: '▶', done: '✓', failed: '✗', skipped: '–' };

/**
 * Maximum number of steps that the page shows. It shows the latest ones. The workflow writes the whole page again after
 * each step, and a replay repeats all these writes. So the page must not grow with the number of steps.
 */
const MOST_ROWS = 100;

function duration(from: number, to: number | undefined): string {
  if (to === undefined) return 'since ' + new Date(from).toISOString().slice(11, 19);
  const seconds = (to - from) / 1000;
  // No-break spaces keep the time on one line, because the column of the table is narrow.
  if (seconds < 100) return `${seconds.toFixed(1)}\u00a0s`;
  return `${Math.floor(seconds / 60)}\u00a0min ${Math.floor(seconds % 60)}\u00a0s`;
}

/** Formats text for a cell of a table: on one line, with escaped bars, and at most 300 characters. */
function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\|/g, '\\|').slice(0, 300);
}

/** Formats console text as a code block. Replaces the backticks in the text that would end the block. */
function fenced(text: string): string[] {
  return ['```text', text.replace(/```/g, "'''"), '```'];
}

function moment(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function heldLines(uuid: string, held: HeldBuild): string[] {
  const since = new Date(held.since).toISOString().slice(11, 19);
  return [
    `**Held since ${since}**: ${cell(`${held.step} failed: ${held.message}`)}`,
    '',
    ...(held.hint === undefined ? [] : [`What to do: ${cell(held.hint)}`, '']),
    `The build waits until ${moment(held.until)}, and then cleans up. What you can do:`,
    '',
    ...commandsForHeld(uuid, held).map(([command, effect]) => `- \`${command}\`: ${cell(effect)}`),
    '',
  ];
}

function isCanceling({ cancelRequestedAt, endedAt }: BuildStatus): boolean {
  return cancelRequestedAt !== undefined && endedAt === undefined;
}

/** Renders the status of a build as a Markdown page, which the Temporal UI shows as the current details of the run. */
export function renderStatusPage(status: BuildStatus): string {
  const lines = [
    `### ${status.name || status.uuid}: ${isCanceling(status) ? 'CANCELING' : status.status}`,
    `${status.os} on cloud \`${status.cloud}\` · phase **${status.phase}** · ${status.percent} %`,
    '',
  ];
  if (status.failure !== undefined) {
    lines.push(`**${cell(status.failure.step)}**: ${cell(status.failure.message)}`, '');
    if (status.failure.hint !== undefined) lines.push(`What to do: ${cell(status.failure.hint)}`, '');
  }
  if (status.waiting !== undefined) {
    lines.push(`**${cell(describeWaiting(status.waiting))}** · workflow \`${status.waiting.queueId}\``, '');
  }
  if (status.held !== undefined) lines.push(...heldLines(status.uuid, status.held));
  if (status.kept !== undefined) {
    lines.push(
      `**Kept until ${moment(status.kept.until)}:**`,
      '',
      ...status.kept.resources.map((resource) => `- ${resource}`),
      '',
    );
  }
  if (status.jeosWorkflowId !== undefined) lines.push(`Installer run: workflow \`${status.jeosWorkflowId}\``, '');
  if (status.preparedWorkflowId !== undefined) {
    lines.push(`Preparation of the guest: workflow \`${status.preparedWorkflowId}\``, '');
  }
  lines.push('| | phase | step | time | result |', '|---|---|---|---|---|');
  const earlier = status.steps.length - MOST_ROWS;
  if (earlier > 0) lines.push(`| | | ${earlier} earlier steps | | |`);
  for (const step of status.steps.slice(-MOST_ROWS)) {
    const time = duration(step.startedAt, step.endedAt);
    lines.push(`| ${MARKS[step.state]} | ${step.phase} | ${cell(step.title)} | ${time} | ${cell(step.note ?? '')} |`);
  }
  const resources = Object.entries(status.resources);
  if (resources.length > 0) {
    lines.push('', ...resources.map(([role, id]) => `- ${role.replaceAll('_', ' ')}: \`${id}\``));
  }
  const tail = status.failure?.consoleTail ?? status.consoleTail;
  if (tail !== undefined && tail !== '') lines.push('', 'Console:', ...fenced(tail));
  if (status.failure !== undefined && status.removed !== undefined && status.removed.length > 0) {
    lines.push('', '**Removed from the cloud:**', ...status.removed.map((resource) => `- ${resource}`));
  }
  if (status.leftovers !== undefined && status.leftovers.length > 0) {
    lines.push('', '**Left in the cloud:**', ...status.leftovers.map((resource) => `- ${resource}`));
  }
  return lines.join('\n');
}
