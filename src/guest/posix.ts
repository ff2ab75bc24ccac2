import type { JournalStep, GuestShell, FileToWrite } from './guest-shell.js';
import { SESSION_KEY } from './guest-shell.js';
import { COMMAND_SHELL, FOLLOW, JOURNAL_DIRECTORY, RUNNER } from './posix-journal.js';
import { buildShutDownScript } from './posix-shutdown.js';
import { quoteShellWord } from './shell.js';
import { WRITE_FILE } from './posix-write-file.js';

function buildRemoveCommand(journal: string): string {
  return `rm -rf -- ${quoteShellWord(journal)}`;
}

/**
 * Removes the journal and the SSH host keys in the last clean-up. The host keys must stay until then: sshd reads them
 * for every new connection, so without them we could not reach the guest.
 */
const LAST_CLEAN_UP = `${buildRemoveCommand(JOURNAL_DIRECTORY)}; rm -f /etc/ssh/ssh_host_*
# The keys of sessions that were cut off.
for file in ~root/.ssh/authorized_keys $(cut -d: -f6 /etc/passwd | sort -u | sed 's,$,/.ssh/authorized_keys,'); do
  grep -q ' ${SESSION_KEY}$' "$file" 2>/dev/null || continue
  rest=$(grep -v ' ${SESSION_KEY}$' "$file")
  printf '%s\\n' "$rest" >"$file"
done`;

function prependArguments(words: readonly (string | number)[], script: string): string {
  return `set -- ${words.map((word) => quoteShellWord(String(word))).join(' ')}\n${script}`;
}

function writeFile({ path, size, mode }: FileToWrite): string {
  return prependArguments([path, size, mode === undefined ? '' : mode.toString(8).padStart(4, '0')], WRITE_FILE);
}

function follow(step: JournalStep): string {
  const { journal, name, script, timeout, earlier, round, forceRerun, prefersBash } = step;
  const flags = [forceRerun, prefersBash].map(Number);
  return prependArguments([journal, name, script.length, timeout, earlier, RUNNER, round, ...flags], FOLLOW);
}

/** Builds the shell line that sets `file` to the path of a user's `authorized_keys`. */
function buildKeysLookup(user: string): string {
  return `file=$({ getent passwd ${quoteShellWord(user)} || grep ${quoteShellWord(`^${user}:`)} /etc/passwd; } | cut -d: -f6)/.ssh/authorized_keys`;
}

/** The shell of guests with a POSIX sh: dash, bash, BusyBox. */
export const POSIX: GuestShell = {
  name: 'posix',
  buildCommand: (script, prefix) => ({
    command: `${prefix === '' ? '' : `${prefix} `}sh -c ${quoteShellWord(script)}`,
    preamble: Buffer.alloc(0),
  }),
  whoAmI: 'id -u',
  writeFile,
  journal: JOURNAL_DIRECTORY,
  removeJournal: buildRemoveCommand,
  follow,
  templateCommand: (script) => `${COMMAND_SHELL}\nexec "$(command_shell)" -c ${quoteShellWord(script)}`,
  lastCleanUp: LAST_CLEAN_UP,
  shutDown: buildShutDownScript,
  allowKey: (user, line) => `${buildKeysLookup(user)}
blob=${quoteShellWord(line.split(' ')[1] ?? '')}
    grep -qF -- "$blob" "$file" || printf '%s\\n' ${quoteShellWord(line)} >>"$file"`,
  revokeKey: (user, blob) => `${buildKeysLookup(user)}
blob=${quoteShellWord(blob)}
    if grep -qF -- "$blob" "$file"; then rest=$(grep -vF -- "$blob" "$file"); printf '%s\\n' "$rest" >"$file"; fi`,
};
