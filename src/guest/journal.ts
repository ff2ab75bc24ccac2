import { createHash } from 'node:crypto';
import { FactoryError } from '../domain/errors.js';
import { toRefusalError } from './access.js';
import type { Guest, Journal, JournalOptions, JournalResult, RunResult } from './types.js';

const DEFAULT_MAX_OUTPUT = 65_536;
/** Seconds beyond the step's own that the follower may take to kill it and to say so. */
const GRACE = 60;

/** A folder name for the key: readable, and different for different keys. */
function buildFolderName(key: string): string {
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 12);
  return `${key.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 60)}-${digest}`;
}

/** The journal of a guest, as plain files and scripts of its shell. */
export class GuestJournal implements Journal {
  /** @param directory default: where the guest's shell has it */
  constructor(private readonly directory?: string) {}

  /**
   * Runs the script once under the key and round, or attaches to the run that an earlier attempt started; the guest keeps
   * it going without us. A new round runs a step again that has failed; one that ended well in any round, or is running, is
   * not run again. A script that begins with `#!` is run by that interpreter, any other by `sh`; as root, in root's home. In Windows:
   * by cmd.exe where it looks like a batch file, else by PowerShell.
   *
   * @param options timeout: seconds that the step may take, counted by the guest from its start; then its whole process
   *   group is killed. maxOutput: bytes of output kept, default 65,536. round: letters, digits and dots, default `0`. anew: run it in
   *   this round though another has ended well.
   * @throws FactoryError DeadlineExceeded (not retryable) with the tail of its output; GuestUnreachable (retryable) when the
   *   connection is lost; GuestLoginRefused when the command prefix does not make us root. The signal's reason on abort:
   *   the step goes on then.
   */
  async run(guest: Guest, key: string, script: string, options: JournalOptions): Promise<JournalResult> {
    const { timeout, signal, onOutput, maxOutput = DEFAULT_MAX_OUTPUT, round = '0', forceRerun = false } = options;
    const input = Buffer.from(script);
    const seconds = Math.max(1, Math.ceil(timeout));
    const journal = this.directory ?? guest.shell.journal;
    const step = {
      journal,
      name: buildFolderName(key),
      round,
      forceRerun,
      script: input,
      timeout: seconds,
      earlier: maxOutput,
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
      `${key} did not end within ${timeout} s and was stopped\n${result.stdout.slice(-2000)}`.trimEnd(),
    );
  }
  if (report.startsWith('refused ')) {
    throw new FactoryError('GuestUnreachable', `the guest could not start ${key}: ${report.slice('refused '.length)}`, {
      retryable: true,
    });
  }
  throw toRefusalError(result);
}
