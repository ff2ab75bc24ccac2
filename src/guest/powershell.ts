import { POWERSHELL, buildPowershellScript } from '../domain/powershell.js';
import type { JournalStep, GuestShell } from './guest-shell.js';
import { WINDOWS_FOLLOW, WINDOWS_JOURNAL, WINDOWS_RUNNER } from './powershell-journal.js';
import {
  buildBootstrap,
  LAST_CLEAN_UP,
  ALLOW_KEY,
  REVOKE_KEY,
  WHO_AM_I,
  buildWindowsShutDown,
  WRITE_FILE,
} from './powershell-scripts.js';

/** Matches the beginning of nearly every batch file. A PowerShell script cannot begin like this. */
const BATCH = /^\s*(@(echo|rem|setlocal|cd|call|if|set)\b|rem\b|::)/i;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Chooses the name of the script's file, and whether to add a byte order mark. Without the mark, Windows PowerShell
 * reads a file as ANSI.
 */
function chooseScriptFile(script: Buffer): { file: string; bom: boolean } {
  if (BATCH.test(script.toString('utf8', 0, 256))) return { file: 'script.cmd', bom: false };
  return { file: 'script.ps1', bom: !script.subarray(0, 3).equals(BOM) };
}

function follow({ journal, name, round, forceRerun: anew, script, timeout, earlier }: JournalStep): string {
  const size = script.length;
  const values = {
    journal,
    name,
    round,
    anew,
    size,
    ...chooseScriptFile(script),
    timeout,
    earlier,
    runner: WINDOWS_RUNNER,
  };
  return buildPowershellScript(values, WINDOWS_FOLLOW);
}

function buildCommand(script: string): { command: string; preamble: Buffer } {
  const preamble = Buffer.from(script);
  return { command: `${POWERSHELL} -OutputFormat Text -EncodedCommand ${buildBootstrap(preamble.length)}`, preamble };
}

/** The shell of Windows guests with OpenSSH for Windows. Windows has no sudo, so we must log in as an administrator. */
export const POWERSHELL_GUEST: GuestShell = {
  name: 'powershell',
  buildCommand: buildCommand,
  whoAmI: WHO_AM_I,
  writeFile: ({ path, size }) => buildPowershellScript({ path, size }, WRITE_FILE),
  journal: WINDOWS_JOURNAL,
  removeJournal: (journal) => buildPowershellScript({ journal }, 'Remove-Item -LiteralPath $journal -Recurse -Force\n'),
  follow,
  templateCommand: (script) => script,
  lastCleanUp: LAST_CLEAN_UP,
  shutDown: buildWindowsShutDown,
  allowKey: (_user, line) => buildPowershellScript({ line, blob: line.split(' ')[1] ?? '' }, ALLOW_KEY),
  revokeKey: (_user, blob) => buildPowershellScript({ blob }, REVOKE_KEY),
};
