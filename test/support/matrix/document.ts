import { CALL_FAILURES } from './call-failures.js';
import { ALL_FAULT_POINTS } from './fault-points.js';
import type { CellResult } from './report.js';
import { TARGET_FAULTS, TARGET_POINTS } from './target-points.js';

/** The report of one part of the matrix. */
export interface Part {
  name: string;
  seconds: number;
  builds: number;
  cells: CellResult[];
}

/** One fault of the end-to-end test on the single-node cloud. */
export interface RealFault {
  step: string;
  fault: string;
  result: string;
}

/**
 * The faults of resources and guests. Each fault is a column of the matrix. The cells of these columns are in
 * `states.ts`.
 */
export const STATE_FAULTS = ['ERROR', 'stuck', 'deleted', 'SSH cut', 'SSH gone', 'guest reboot'] as const;

/** The columns of the table, in their order. */
export const FAULTS: readonly string[] = [
  'SIGKILL before',
  'SIGKILL during',
  'SIGKILL after',
  'SIGTERM',
  'Temporal restart',
  ...CALL_FAILURES.map(({ name }) => name),
  ...STATE_FAULTS,
  'disk full',
];

/** The introduction and the legend of the page. */
export const HEAD = `# The fault matrix

The matrix injects every fault at every point of a build where it can happen. A row is a fault point, a column is a
fault. \`npm run fault-matrix\` writes this page from the results of the tests in \`test/matrix/\`; \`make test\`
runs the same cells. Each cell is a build on the fake cloud with a real Temporal server and a real worker process.
Its test asserts the result and the record of the build, that each role had one instance at most, that each command
ran once, and that nothing is left in the cloud.

- A number: the build is complete. The number counts the attempts of the step's activity. (Inside one attempt the
  worker may repeat a call that only reads.)
- A number in brackets: this fault must fail the build. The build failed with the message of that note and left
  nothing.
- A dot: the fault cannot happen at this point.

The faults:

- **SIGKILL** kills the worker. _before_: the cloud has not performed the call. _during_: the cloud has performed
  the call and has not answered, or an SSH session runs. _after_: the cloud has answered.
- **SIGTERM** stops the worker, **Temporal restart** kills the Temporal server and starts it on its database, both
  while the cloud holds the call.
- **500**, **502**, **503**, **429**, **401**: the status with which the cloud answers (at media fetch: the mirror).
  **refused**: the service refuses connections for a while. **reset**: it resets the connection. **hang**: it never
  answers. **reply lost**: the cloud performs the call and resets the connection.
- **ERROR**: the resource that the step created goes to ERROR (an image: to \`killed\`). **stuck**: it stays in its
  transient state. **deleted**: somebody else deletes it.
- **SSH cut**: the SSH connection is reset. **SSH gone**: the guest does not answer for a while. **guest reboot**:
  the guest reboots. All three happen during the SSH session.
- **disk full**: the worker's disk is full until somebody frees space.
`;

/** The introduction and the legend of the table of target images. */
export const TARGETS_HEAD = `## Target images

The same for the steps of a target image. Each cell is an image of its own. Its test also asserts
that the body is the one that the record describes and has the content of the base image, and that no temporary file, no
lease and no reserved space is left.

- **SIGKILL** kills the worker while it waits for the answer of Glance, or while qemu-img runs, which ends with it.
  **SIGKILL half-way**: a part of the base image is on the disk. **SIGTERM** stops the worker at these points.
- **500**, **503**, **404**: the status with which Glance answers once. **reset**: it resets the connection. **reply
  lost**: it performs the call and resets the connection. **truncated**: the connection is cut in the middle of the
  bytes. **digest mismatch**: a bit of the bytes is not what Glance has recorded.
- **disk full**: the worker's disk is full until somebody frees space. **qemu-img killed**: the kernel kills it.
  **bit flipped**: the disk changes a bit of the output before it is compared.
- **base evicted**: the base image disappears from the worker's cache while it is in use. **base deleted**: somebody
  deletes it in Glance.
`;

function buildKey(point: string, fault: string): string {
  return `${point} × ${fault}`;
}

/** Returns the first line of a message without ids and addresses, because ids and addresses differ from run to run. */
function normalizeMessage(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}/g, '…')
    .replace(/\d+\.\d+\.\d+\.\d+(:\d+)?/g, '…')
    .split('\n')[0] as string;
}

/** Renders the document from the reports of all parts. */
export function renderMatrix(parts: Part[], real: RealFault[]): string {
  const cells = parts.flatMap((part) => part.cells);
  const byKey = new Map(cells.map((cell) => [buildKey(cell.point, cell.fault), cell]));
  const notes: string[] = [];
  const numberNote = (text: string): number => {
    const note = normalizeMessage(text);
    if (!notes.includes(note)) notes.push(note);
    return notes.indexOf(note) + 1;
  };
  const renderCell = (cell: CellResult | undefined): string => {
    if (cell === undefined) return '·';
    if (cell.outcome === 'built') return String(cell.attempts);
    return cell.outcome === 'failed' ? `(${numberNote(cell.message ?? '')})` : '**RED**';
  };
  const renderTable = (points: readonly { name: string }[], faults: readonly string[]): string => {
    const rows = points.map(
      ({ name }) => `| ${name} | ${faults.map((fault) => renderCell(byKey.get(buildKey(name, fault)))).join(' | ')} |`,
    );
    return [`| fault point | ${faults.join(' | ')} |`, `| --- |${faults.map(() => ' ---: |').join('')}`, ...rows].join(
      '\n',
    );
  };
  const images = renderTable(ALL_FAULT_POINTS, FAULTS);
  const targets = renderTable(
    TARGET_POINTS,
    TARGET_FAULTS.map(({ name }) => name),
  );
  return `${HEAD}
${renderTotals(parts)}

${images}

${TARGETS_HEAD}
${targets}

## Messages of builds that must fail

${notes.map((note, index) => `${index + 1}. ${note}`).join('\n')}
${renderRealFaults(real)}`;
}

function renderTotals(parts: Part[]): string {
  const cells = parts.flatMap((part) => part.cells);
  const red = cells.filter(({ outcome }) => outcome === 'red').length;
  const failed = cells.filter(({ outcome }) => outcome === 'failed').length;
  const attempts = cells.reduce((sum, cell) => sum + cell.attempts, 0);
  const builds = parts.reduce((sum, part) => sum + part.builds, 0);
  const seconds = parts.reduce((sum, part) => sum + part.seconds, 0);
  const complete = cells.length - red - failed;
  const took = parts.map((part) => `${part.name} ${part.seconds} s`).join(', ');
  return `**${cells.length} cells, ${red} of them red**, in ${builds} builds: ${complete} complete, ${failed} failed as they must.
The steps with a fault took ${attempts} attempts in all. The parts of the matrix took ${seconds} s on two cores, some of
them at the same time: ${took}.`;
}

function renderRealFaults(real: RealFault[]): string {
  if (real.length === 0) return '';
  const lines = real.map(({ step, fault, result }) => `| ${step} | ${fault} | ${result} |`);
  return `
## On the single-node cloud

The test \`test/e2e/faults.test.ts\` injects the worst faults into one build on a real OpenStack.

| step | fault | result |
| --- | --- | --- |
${lines.join('\n')}
`;
}
