import { FactoryError } from '../../domain/errors.js';
import { maskSecrets } from '../../planning/secrets.js';
import type { Guest, JournalOptions, JournalResult } from '../../guest/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';

/** The number of characters, from the end of the output of a failed command, that the error message quotes. */
export const OUTPUT_TAIL = 2000;

/** Seconds after which a script that imagefactory itself provides fails. */
export const OWN_SCRIPT_TIMEOUT = 1200;

/** A script that the guest's journal runs once. */
interface OnceScript extends Pick<JournalOptions, 'timeout' | 'round' | 'forceRerun'> {
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
export async function runScriptOnce(
  deps: Deps,
  guest: Guest,
  secrets: string[],
  what: OnceScript,
): Promise<JournalResult> {
  const result = await deps.journal.run(guest, what.key, what.script, {
    timeout: what.timeout,
    round: what.round,
    forceRerun: what.forceRerun,
    signal: cancellationSignal(),
    onOutput: (chunk) => reportProgress({ message: what.title, consoleLine: maskSecrets(lastLine(chunk), secrets) }),
  });
  const output = maskSecrets(result.output, secrets).trimEnd().slice(-OUTPUT_TAIL);
  if (result.interrupted && what.reruns > 0) {
    reportProgress({ message: `${what.title}: was interrupted, and runs again` });
    return runScriptOnce(deps, guest, secrets, { ...what, round: `${what.round}r`, reruns: what.reruns - 1 });
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

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.slice(0, 200) ?? '';
}
