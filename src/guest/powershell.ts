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

/** The first line of a batch file, by what nearly all of them begin with; a PowerShell script cannot. */
const BATCH = /^\s*(@(echo|rem|setlocal|cd|call|if|set)\b|rem\b|::)/i;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** What a step's script is called, and what it needs before it: Windows PowerShell takes a file without a byte order mark for ANSI. */
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

/** Windows guests with OpenSSH for Windows. There is nothing like sudo: who we log in as is an administrator, or we can do nothing. */
export const POWERSHELL_GUEST: GuestShell = {
  name: 'powershell',
  buildCommand: buildCommand,
  whoAmI: WHO_AM_I,
  writeFile: ({ path, size }) => buildPowershellScript({ path, size }, WRITE_FILE),
  journal: WINDOWS_JOURNAL,
  removeJournal: (journal) => buildPowershellScript({ journal }, 'Remove-Item -LiteralPath $journal -Recurse -Force\n'),
  follow,
  lastCleanUp: LAST_CLEAN_UP,
  shutDown: buildWindowsShutDown,
  allowKey: (_user, line) => buildPowershellScript({ line, blob: line.split(' ')[1] ?? '' }, ALLOW_KEY),
  revokeKey: (_user, blob) => buildPowershellScript({ blob }, REVOKE_KEY),
};
