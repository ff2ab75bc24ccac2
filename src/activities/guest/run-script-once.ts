import { LOG_LIMIT } from '../../domain/build-log.js';
import { FactoryError } from '../../domain/errors.js';
import { CUT, cutEnd, cutStart } from '../../domain/cut.js';
import { OutputTail } from '../../guest/output-tail.js';
import type { Guest, JournalOptions, JournalResult } from '../../guest/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { writeLog } from '../shared/logs.js';

/** The number of characters, from the end of the output of a failed command, that the error message quotes. */
const OUTPUT_TAIL = 2000;

/** Seconds after which a script that imagefactory itself provides fails. */
export const OWN_SCRIPT_TIMEOUT = 1200;

/** A script that the guest's journal runs once. */
interface OnceScript extends Pick<JournalOptions, 'timeout' | 'round' | 'forceRerun' | 'prefersBash'> {
  /** UUID of the build. The store keeps the output of the script under it. */
  uuid: string;
  key: string;
  title: string;
  script: string;
  /** How many times the script is run again when it is interrupted. */
  reruns: number;
}

/**
 * How many times a script that can safely run more than once is run again after an interruption, such as a reboot of
 * the guest.
 */
export const RERUNS = 3;

/**
 * Runs a script once, even when workers crash or restart in between.
 * @throws FactoryError CommandFailed, CommandInterrupted
 */
export async function runScriptOnce(deps: Deps, guest: Guest, what: OnceScript): Promise<JournalResult> {
  const lastLine = followLastLine();
  const kept = new OutputTail(LOG_LIMIT);
  // When we attach to a step, the guest sends only the last LOG_LIMIT bytes of the earlier output.
  const keep = (): Promise<void> =>
    writeLog(deps, what.uuid, { name: what.key, kind: 'output', cut: kept.size >= LOG_LIMIT }, kept.toString());
  const options = {
    timeout: what.timeout,
    round: what.round,
    forceRerun: what.forceRerun,
    prefersBash: what.prefersBash ?? false,
    signal: cancellationSignal(),
    earlier: LOG_LIMIT,
    onOutput: (chunk: string) => {
      kept.push(Buffer.from(chunk));
      reportProgress({ message: what.title, consoleLine: lastLine(chunk) });
    },
  };
  const result = await deps.journal.run(guest, what.key, what.script, options).catch(async (error: unknown) => {
    // The output of a script that ran into its timeout is kept too. An attempt that could not connect has no output,
    // and must not replace the output of an earlier attempt.
    if (kept.size > 0) await keep();
    throw error;
  });
  await keep();
  const output = cutStart(result.output.trimEnd(), OUTPUT_TAIL);
  if (result.interrupted && what.reruns > 0) {
    reportProgress({ message: `${what.title}: was interrupted, and runs again` });
    return runScriptOnce(deps, guest, { ...what, round: `${what.round}r`, reruns: what.reruns - 1 });
  }
  if (result.interrupted) {
    throw new FactoryError(
      'CommandInterrupted',
      `${what.title}: interrupted, because the guest rebooted or the process disappeared`,
      {
        hint:
          'imagefactory does not run the command again, because it may have done half of its work; ' +
          '--parameter rerunnable_commands True allows imagefactory to run it again',
      },
    );
  }
  if (result.exitCode !== 0) {
    throw new FactoryError('CommandFailed', `${what.title}: ended with exit status ${result.exitCode}\n${output}`, {
      hint:
        'correct the template, and continue with imagefactory resume; ' +
        'the build then uses the installed system (JEOS) again',
    });
  }
  return result;
}

/**
 * Maximum lengths of a line of output, in characters: LINE_SHOWN for the line that the progress shows, LINE_KEPT for a
 * line that has not ended yet and that we keep until its end arrives.
 */
const LINE_SHOWN = 200;
const LINE_KEPT = 10_000;

/**
 * Returns a function that follows an output. Each call takes the next piece of the output, and returns the last line so
 * far. If this line has not ended yet, the function marks it as cut: the line may end in the middle of a secret.
 */
export function followLastLine(): (piece: string) => string {
  let unfinished = '';
  return (piece) => {
    const lines = (unfinished + piece).split('\n');
    const begun = lines.pop() ?? '';
    unfinished = cutStart(begun, LINE_KEPT);
    const last = begun.trim() === '' ? lines.findLast((line) => line.trim() !== '') : `${begun}${CUT}`;
    return cutEnd((last ?? '').trimEnd(), LINE_SHOWN);
  };
}
