import type { FollowedStep, GuestShell, LastWords, WrittenFile } from './guest-shell.js';
import { SESSION_KEY } from './guest-shell.js';
import { FOLLOW, JOURNAL_DIRECTORY, RUNNER } from './journal-scripts.js';
import { shutDownScript } from './posix-shutdown.js';
import { quote } from './shell.js';
import { WRITE_FILE } from './write-file.js';

function removed(journal: string): string {
  return `rm -rf -- ${quote(journal)}`;
}

/**
 * The host keys not earlier than with the journal: sshd reads them anew for every connection, and without them nobody could tell the guest
 * anything any more.
 */
const LAST_CLEAN_UP = `${removed(JOURNAL_DIRECTORY)}; rm -f /etc/ssh/ssh_host_*
# The keys of sessions that were cut off.
for file in ~root/.ssh/authorized_keys $(cut -d: -f6 /etc/passwd | sort -u | sed 's,$,/.ssh/authorized_keys,'); do
  grep -q ' ${SESSION_KEY}$' "$file" 2>/dev/null || continue
  rest=$(grep -v ' ${SESSION_KEY}$' "$file")
  printf '%s\\n' "$rest" >"$file"
done`;

function withArguments(words: readonly (string | number)[], script: string): string {
  return `set -- ${words.map((word) => quote(String(word))).join(' ')}\n${script}`;
}

function writeFile({ path, size, mode }: WrittenFile): string {
  return withArguments([path, size, mode === undefined ? '' : mode.toString(8).padStart(4, '0')], WRITE_FILE);
}

function follow({ journal, name, script, timeout, earlier, round, anew }: FollowedStep): string {
  return withArguments([journal, name, script.length, timeout, earlier, RUNNER, round, anew ? 1 : 0], FOLLOW);
}

/** A user's list of keys, as `file`. */
function keysOf(user: string): string {
  return `file=$({ getent passwd ${quote(user)} || grep ${quote(`^${user}:`)} /etc/passwd; } | cut -d: -f6)/.ssh/authorized_keys`;
}

/** Guests with a POSIX sh: dash, bash, BusyBox. */
export const POSIX: GuestShell = {
  name: 'posix',
  started: (script, prefix) => ({
    command: `${prefix === '' ? '' : `${prefix} `}sh -c ${quote(script)}`,
    preamble: Buffer.alloc(0),
  }),
  whoAmI: 'id -u',
  writeFile,
  journal: JOURNAL_DIRECTORY,
  removed,
  follow,
  lastCleanUp: LAST_CLEAN_UP,
  shutDown: (words: LastWords) => shutDownScript(words),
  letIn: (user, line) => `${keysOf(user)}
blob=${quote(line.split(' ')[1] ?? '')}
    grep -qF -- "$blob" "$file" || printf '%s\\n' ${quote(line)} >>"$file"`,
  shutOut: (user, blob) => `${keysOf(user)}
blob=${quote(blob)}
    if grep -qF -- "$blob" "$file"; then rest=$(grep -vF -- "$blob" "$file"); printf '%s\\n' "$rest" >"$file"; fi`,
};
