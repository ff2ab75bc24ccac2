import { CALL_FAILURES } from './calls-fail.js';
import { ALL_FAULT_POINTS } from './places.js';
import type { CellResult } from './report.js';

/** What a part of the matrix has reported. */
export interface Part {
  name: string;
  seconds: number;
  builds: number;
  cells: CellResult[];
}

/** What the single-node cloud's part has reported. */
export interface RealFault {
  step: string;
  fault: string;
  result: string;
}

/** The columns, in the table's order. */
export const FAULTS = [
  'SIGKILL before', 'SIGKILL during', 'SIGKILL after', 'SIGTERM', 'Temporal restart', ...CALL_FAILURES.map(({ name }) => name),
  'ERROR', 'stuck', 'deleted', 'SSH cut', 'SSH gone', 'guest reboot', 'disk full',
]; // prettier-ignore

const HEAD = `# The fault matrix

Every step of the lifecycle × everything that can go wrong there. Written by \`npm run fault-matrix\` from what the tests in
\`test/matrix/\` have seen; \`make test\` runs the same cells again. Each runs on the fake cloud against a real
Temporal server and a real worker process, and asserts the result, one instance a role at most, each command run once,
the record, and nothing left in the cloud.

A number: the build was complete, and the step's activity was started so many times (a call that only reads is also sent
again inside one try). A number in brackets: the build cannot succeed, and failed with the sentence of that note, leaving
nothing. A dot: it cannot happen there.

- **SIGKILL** before the step's call is done; when it is done and not answered, or while a session runs; when it has been
  answered. **SIGTERM** and **Temporal restart** (SIGKILL of the server, and a start on its database): while the call is held.
- **500** to **401**: the cloud's (for the media fetch: the mirror's) answer. **refused**: nothing listens for a while.
  **hang**: never answered. **reply lost**: the cloud has done it, and the connection is reset.
- **ERROR**: what was made is in ERROR (an image: killed). **stuck**: it stays in its transient state. **deleted**: by somebody else.
- **SSH cut**: the connection is reset in the middle. **SSH gone**: the guest says nothing for a while. **guest reboot**: in the middle.
- **disk full**: the worker cannot write until somebody makes room.
`;

function keyOf(place: string, fault: string): string {
  return `${place} × ${fault}`;
}

/** Ids and addresses differ from run to run. */
function sentence(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}/g, '…')
    .replace(/\d+\.\d+\.\d+\.\d+(:\d+)?/g, '…')
    .split('\n')[0] as string;
}

/** The document, from all parts' reports. */
export function matrixDocument(parts: Part[], real: RealFault[]): string {
  const cells = parts.flatMap((part) => part.cells);
  const byKey = new Map(cells.map((cell) => [keyOf(cell.place, cell.fault), cell]));
  const notes: string[] = [];
  const noteOf = (text: string): number => {
    const words = sentence(text);
    if (!notes.includes(words)) notes.push(words);
    return notes.indexOf(words) + 1;
  };
  const shown = (cell: CellResult | undefined): string => {
    if (cell === undefined) return '·';
    if (cell.outcome === 'built') return String(cell.tries);
    return cell.outcome === 'failed' ? `(${noteOf(cell.says ?? '')})` : '**RED**';
  };
  const rows = ALL_FAULT_POINTS.map(
    ({ name }) => `| ${name} | ${FAULTS.map((fault) => shown(byKey.get(keyOf(name, fault)))).join(' | ')} |`,
  );
  return `${HEAD}
${sums(parts)}

| step | ${FAULTS.join(' | ')} |
| --- |${FAULTS.map(() => ' ---: |').join('')}
${rows.join('\n')}

## What builds that cannot succeed say

${notes.map((note, index) => `${index + 1}. ${note}`).join('\n')}
${realPart(real)}`;
}

function sums(parts: Part[]): string {
  const cells = parts.flatMap((part) => part.cells);
  const red = cells.filter(({ outcome }) => outcome === 'red').length;
  const failed = cells.filter(({ outcome }) => outcome === 'failed').length;
  const tries = cells.reduce((sum, cell) => sum + cell.tries, 0);
  const builds = parts.reduce((sum, part) => sum + part.builds, 0);
  const seconds = parts.reduce((sum, part) => sum + part.seconds, 0);
  return `**${cells.length} cells, ${red} of them red**, in ${builds} builds: ${cells.length - red - failed} complete, ${failed} failed as they must; ${tries} tries of the struck steps in all.
The parts took ${parts.map(({ name, seconds: took }) => `${name} ${took} s`).join(', ')}: ${seconds} s, some of them at the same time, on two cores.`;
}

function realPart(real: RealFault[]): string {
  if (real.length === 0) return '';
  const lines = real.map(({ step, fault, result }) => `| ${step} | ${fault} | ${result} |`);
  return `
## On the single-node cloud

The worst of them, for real: one build through all of these (\`test/e2e/faults.test.ts\`).

| step | fault | what was seen |
| --- | --- | --- |
${lines.join('\n')}
`;
}
