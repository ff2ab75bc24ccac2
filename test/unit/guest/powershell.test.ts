import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatLiteral, buildPowershellScript } from '../../../src/domain/powershell.js';
import type { JournalStep } from '../../../src/guest/guest-shell.js';
import { GuestJournal } from '../../../src/guest/journal.js';
import { WINDOWS_FOLLOW, WINDOWS_RUNNER } from '../../../src/guest/powershell-journal.js';
import { POWERSHELL_GUEST } from '../../../src/guest/powershell.js';
import type { Guest, RunResult } from '../../../src/guest/types.js';

/** Decodes the -EncodedCommand argument of a PowerShell command line. */
function decoded(command: string): string {
  return Buffer.from(command.split(' ').at(-1) ?? '', 'base64').toString('utf16le');
}

describe('a script for PowerShell', () => {
  it('has its values as literals in which PowerShell replaces nothing', () => {
    assert.equal(formatLiteral("it's $x `n \u2019"), "'it''s $x `n \u2019\u2019'");
    assert.equal(buildPowershellScript({ a: 'b', n: 3, yes: true, l: ['x', 'y z'] }, 'go\n'), "$a = 'b'\n$n = 3\n$yes = $true\n$l = @('x', 'y z')\ngo\n"); // prettier-ignore
  });

  it('is read from the standard input, because cmd.exe accepts no long command line', () => {
    const script = `Write-Output 'ä'\n${'#'.repeat(40_000)}`;
    const { command, preamble } = POWERSHELL_GUEST.buildCommand(script, '');
    assert(command.length < 8191);
    assert.match(command, /^powershell\.exe .*-NonInteractive .*-EncodedCommand [A-Za-z0-9+/=]+$/);
    assert.equal(preamble.toString('utf8'), script);
    assert(decoded(command).includes(`New-Object byte[] ${preamble.length}\n`));
  });

  it('does not use the variable $input', () => {
    const { command } = POWERSHELL_GUEST.buildCommand('x', '');
    // If a script contains $input, PowerShell reads the whole standard input before it runs the script.
    for (const script of [decoded(command), WINDOWS_FOLLOW]) assert.doesNotMatch(script, /\$input\b/i);
  });

  it('is ASCII when Windows PowerShell reads it from a file without a byte order mark', () => {
    assert.match(WINDOWS_RUNNER, /^[\x09\x0a\x20-\x7e]*$/);
  });
});

describe('the journal of a Windows guest', () => {
  const step: JournalStep = { journal: 'C:\\j', name: 'command_1-abc', round: '0', forceRerun: false, prefersBash: false, script: Buffer.from('exit 3'), timeout: 60, earlier: 100 }; // prettier-ignore
  const valuesOf = (script: string): string => POWERSHELL_GUEST.follow({ ...step, script: Buffer.from(script) });

  it('gets all its values in variables', () => {
    const text = POWERSHELL_GUEST.follow(step);
    for (const line of [
      "$journal = 'C:\\j'",
      "$name = 'command_1-abc'",
      "$round = '0'",
      '$anew = $false',
      '$size = 6',
      '$timeout = 60',
      '$earlier = 100',
    ])
      // prettier-ignore
      assert(text.split('\n').includes(line), line);
    assert(text.endsWith(WINDOWS_FOLLOW));
  });

  it('runs batch files with cmd.exe, and all other scripts with PowerShell as UTF-8', () => {
    for (const batch of ['@echo off\r\ndir', 'REM hello\ndir', ':: hello', '\n@ECHO OFF'])
      assert.match(valuesOf(batch), /^\$file = 'script\.cmd'\n\$bom = \$false$/m);
    for (const script of ['exit 0', '# echo', '@{ a = 1 }', '@(1, 2) | Out-Host', 'remove-item x'])
      assert.match(valuesOf(script), /^\$file = 'script\.ps1'\n\$bom = \$true$/m);
    assert.match(valuesOf('\ufeffexit 0'), /^\$bom = \$false$/m);
  });

  it('starts a step outside of the SSH session, because the end of a session stops its processes', () => {
    assert.match(WINDOWS_FOLLOW, /Invoke-WmiMethod -Class Win32_Process -Name Create/);
    assert.doesNotMatch(WINDOWS_FOLLOW, /Start-Process|Start-Job/);
  });

  it('reads the exit status of a Windows program, which may be negative', async () => {
    const reports: [string, unknown][] = [
      ['\nstarted exited -1073741510\r\n', [-1073741510, false, false]],
      ['..\nattached exited 0\n', [0, false, true]],
      ['\nattached interrupted\n', [null, true, true]],
    ];
    for (const [stderr, expected] of reports) {
      const { guest, ran } = guestThatSays({ exitCode: 0, stdout: 'out', stderr });
      const result = await new GuestJournal().run(guest, 'command:1 x', 'exit 0', { timeout: 5 });
      assert.deepEqual([result.exitCode, result.interrupted, result.attached], expected);
      assert.match(ran[0] ?? '', /^\$journal = 'C:\\ProgramData\\imagefactory'\n\$name = 'command_1_x-[0-9a-f]{12}'$/m);
    }
  });
});

function guestThatSays(result: RunResult): { guest: Guest; ran: string[] } {
  const ran: string[] = [];
  const guest: Guest = {
    shell: POWERSHELL_GUEST,
    run: async (script: string) => {
      ran.push(script);
      return result;
    },
    stream: () => {
      throw new Error('no guest of Windows is asked for a stream');
    },
    writeFile: async () => undefined,
    close: () => undefined,
  };
  return { guest, ran };
}

describe('a Windows guest', () => {
  it('has one list of keys for its administrators, which only SYSTEM and administrators may access', () => {
    const line = 'ssh-ed25519 AAAAkey imagefactory-session';
    const script = POWERSHELL_GUEST.allowKey('Administrator', line);
    assert.match(script, /^\$line = 'ssh-ed25519 AAAAkey imagefactory-session'\n\$blob = 'AAAAkey'$/m);
    assert.match(script, /administrators_authorized_keys/);
    assert.match(script, /icacls\.exe \$keys \/inheritance:r \/grant:r '\*S-1-5-18:F' '\*S-1-5-32-544:F'/);
  });

  it('removes the login key, the journal, the host keys and the session keys before it shuts down', () => {
    const { lastCleanUp, shutDown } = POWERSHELL_GUEST;
    const { script } = shutDown({ blob: 'AAAAkey', cleanUp: lastCleanUp });
    const order = ["$blob = ''AAAAkey''", 'Remove-Key (Join-Path $env:ProgramData', 'C:\\ProgramData\\imagefactory', 'ssh_host_*', 'imagefactory-session', 'shutdown.exe /s /f /t 0', 'Invoke-WmiMethod']; // prettier-ignore
    const places = order.map((text) => script.indexOf(text));
    assert(!places.includes(-1), String(places));
    assert.deepEqual(
      places,
      [...places].sort((one, other) => one - other),
    );
  });

  it('ignores a command prefix, because Windows has no sudo', () => {
    assert.equal(POWERSHELL_GUEST.buildCommand('x', 'sudo').command, POWERSHELL_GUEST.buildCommand('x', '').command);
  });
});
