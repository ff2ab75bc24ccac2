import { POWERSHELL, powershellScript } from '../domain/powershell.js';
import type { FollowedStep, GuestShell } from './guest-shell.js';
import { WINDOWS_FOLLOW, WINDOWS_JOURNAL, WINDOWS_RUNNER } from './powershell-journal.js';
import {
  bootstrap,
  LAST_CLEAN_UP,
  LET_IN,
  SHUT_OUT,
  WHO_AM_I,
  windowsShutDown,
  WRITE_FILE,
} from './powershell-scripts.js';

/** The first line of a batch file, by what nearly all of them begin with; a PowerShell script cannot. */
const BATCH = /^\s*(@(echo|rem|setlocal|cd|call|if|set)\b|rem\b|::)/i;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** What a step's script is called, and what it needs before it: Windows PowerShell takes a file without a byte order mark for ANSI. */
function fileOf(script: Buffer): { file: string; bom: boolean } {
  if (BATCH.test(script.toString('utf8', 0, 256))) return { file: 'script.cmd', bom: false };
  return { file: 'script.ps1', bom: !script.subarray(0, 3).equals(BOM) };
}

function follow({ journal, name, round, anew, script, timeout, earlier }: FollowedStep): string {
  const size = script.length;
  const values = { journal, name, round, anew, size, ...fileOf(script), timeout, earlier, runner: WINDOWS_RUNNER };
  return powershellScript(values, WINDOWS_FOLLOW);
}

function started(script: string): { command: string; preamble: Buffer } {
  const preamble = Buffer.from(script);
  return { command: `${POWERSHELL} -OutputFormat Text -EncodedCommand ${bootstrap(preamble.length)}`, preamble };
}

/** Windows guests with OpenSSH for Windows. There is nothing like sudo: who we log in as is an administrator, or we can do nothing. */
export const POWERSHELL_GUEST: GuestShell = {
  name: 'powershell',
  started,
  whoAmI: WHO_AM_I,
  writeFile: ({ path, size }) => powershellScript({ path, size }, WRITE_FILE),
  journal: WINDOWS_JOURNAL,
  removed: (journal) => powershellScript({ journal }, 'Remove-Item -LiteralPath $journal -Recurse -Force\n'),
  follow,
  lastCleanUp: LAST_CLEAN_UP,
  shutDown: windowsShutDown,
  letIn: (_user, line) => powershellScript({ line, blob: line.split(' ')[1] ?? '' }, LET_IN),
  shutOut: (_user, blob) => powershellScript({ blob }, SHUT_OUT),
};
