import { createHash } from 'node:crypto';
import { cutStart } from '../domain/cut.js';
import { FactoryError } from '../domain/errors.js';
import { toRefusalError } from './access.js';
import type { Guest, Journal, JournalOptions, JournalResult, RunResult } from './types.js';

const DEFAULT_MAX_OUTPUT = 65_536;
/** Seconds that the script in the guest has after the step's timeout, to kill the step and to report the timeout. */
const GRACE = 60;

/** Builds a readable folder name for the key. Different keys get different names. */
function buildFolderName(key: string): string {
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 12);
  return `${key.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 60)}-${digest}`;
}

/** The journal of a guest: plain files in the guest, which scripts for the guest's shell read and write. */
export class GuestJournal implements Journal {
  /** @param directory the journal's folder; default: the one that the guest's shell defines */
  constructor(private readonly directory?: string) {}

  /**
   * Runs the script once for this key and round, or attaches to the run that an earlier attempt has started. If the
   * connection is lost, the step goes on in the guest. A new round runs a failed step again; a step that has succeeded
   * in any round, or is running, is not run again. A script that begins with `#!` is run by that interpreter, any other
   * script by `sh` or bash, as root in root's home. In Windows, cmd.exe runs batch files, and PowerShell runs all other
   * scripts.
   *
   * @param options timeout: seconds from the step's start, after which the guest kills the step's process group.
   *   maxOutput: maximum number of bytes of output to keep, default 65,536. earlier: maximum number of bytes of earlier
   *   output that onOutput gets when the call attaches to a step, default maxOutput. round: letters, digits and dots,
   *   default `0`. forceRerun: run the step in this round, even if another round has succeeded or is running.
   *   prefersBash: run a script that has no `#!` line with bash, if the guest has bash; default false
   * @throws FactoryError DeadlineExceeded (not retryable) with the tail of the output when the timeout is over;
   *   GuestUnreachable (retryable) when the connection is lost, or the guest cannot start the step; GuestLoginRefused
   *   when the command prefix does not make us root. The signal's reason on abort: the step then goes on in the guest.
   */
  async run(guest: Guest, key: string, script: string, options: JournalOptions): Promise<JournalResult> {
    const { timeout, signal, onOutput, maxOutput = DEFAULT_MAX_OUTPUT, round = '0' } = options;
    const { forceRerun = false, prefersBash = false, earlier = maxOutput } = options;
    const input = Buffer.from(script);
    const seconds = Math.max(1, Math.ceil(timeout));
    const journal = this.directory ?? guest.shell.journal;
    const step = {
      journal,
      name: buildFolderName(key),
      round,
      forceRerun,
      prefersBash,
      script: input,
      timeout: seconds,
      earlier,
    };
    const result = await guest.run(guest.shell.follow(step), {
      input,
      signal,
      timeout: seconds + GRACE,
      maxOutput,
      onOutput: (chunk, stream) => {
        if (stream === 'stdout') onOutput?.(chunk);
      },
    });
    return parseReport(result, key, seconds);
  }
}

function parseReport(result: RunResult, key: string, timeout: number): JournalResult {
  const report = result.stderr.trimEnd().split('\n').at(-1)?.trim() ?? '';
  const [, how, what, status] = /^(started|attached) (exited|interrupted|deadline)(?: (-?\d+))?$/.exec(report) ?? [];
  const outcome = { output: result.stdout, attached: how === 'attached' };
  if (what === 'exited' && status !== undefined) return { ...outcome, exitCode: Number(status), interrupted: false };
  if (what === 'interrupted') return { ...outcome, exitCode: null, interrupted: true };
  if (what === 'deadline') {
    throw new FactoryError(
      'DeadlineExceeded',
      `${key} did not end within ${timeout} s and was stopped\n${cutStart(result.stdout, 2000)}`.trimEnd(),
    );
  }
  if (report.startsWith('refused ')) {
    throw new FactoryError('GuestUnreachable', `the guest could not start ${key}: ${report.slice('refused '.length)}`, {
      retryable: true,
    });
  }
  throw toRefusalError(result);
}
