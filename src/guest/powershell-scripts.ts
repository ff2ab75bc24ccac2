import { encodeCommand, POWERSHELL, buildPowershellScript } from '../domain/powershell.js';
import { SESSION_KEY, type ScriptWithInput, type ShutDownRequest } from './guest-shell.js';
import { WINDOWS_JOURNAL } from './powershell-journal.js';

/** Script that prints 0 for an administrator with elevated rights, else the user's name. */
export const WHO_AM_I = `$me = [Security.Principal.WindowsIdentity]::GetCurrent()
$role = [Security.Principal.WindowsBuiltInRole]::Administrator
if ((New-Object Security.Principal.WindowsPrincipal $me).IsInRole($role)) { '0' } else { $me.Name }
`;

/**
 * Script that writes standard input to the file $path. If the input does not have $size bytes, the script fails and
 * does not change the file. An existing file keeps its permissions.
 */
export const WRITE_FILE = `
if (Test-Path -LiteralPath $path -PathType Container) { throw "$path is a folder" }
$folder = Split-Path -Parent $path
[void][IO.Directory]::CreateDirectory($folder)
$new = Join-Path $folder ('.imagefactory.' + [Guid]::NewGuid().ToString('N'))
$from = [Console]::OpenStandardInput()
$to = New-Object IO.FileStream $new, 'CreateNew'
try {
  $buffer = New-Object byte[] 65536
  while (($count = $from.Read($buffer, 0, $buffer.Length)) -gt 0) { $to.Write($buffer, 0, $count) }
  $have = $to.Length
  $to.Close()
  if ($have -ne $size) { throw "only a part of the $size bytes arrived" }
  if (Test-Path -LiteralPath $path) { Get-Acl -LiteralPath $path | Set-Acl -LiteralPath $new }
  Move-Item -LiteralPath $new -Destination $path -Force
} finally {
  $to.Close()
  if (Test-Path -LiteralPath $new) { Remove-Item -LiteralPath $new -Force }
}
`;

/**
 * Functions for the file in which OpenSSH for Windows keeps the keys of all administrators. OpenSSH ignores the file if
 * other users can write it.
 * https://learn.microsoft.com/windows-server/administration/openssh/openssh_keymanagement
 */
const KEYS = `$keys = Join-Path $env:ProgramData 'ssh\\administrators_authorized_keys'
function Save-Keys($path, $lines) { [IO.File]::WriteAllText($path, (($lines | ForEach-Object { $_ + [char]10 }) -join '')) }
function Read-Keys($path) { @([IO.File]::ReadAllLines($path) | Where-Object { $_.Trim() -ne '' }) }
`;

/** Script that adds the key of $line, whose base64 field is $blob. */
export const ALLOW_KEY = `${KEYS}
$lines = @(if (Test-Path -LiteralPath $keys) { Read-Keys $keys })
if (@($lines | Where-Object { $_.Contains($blob) }).Count -eq 0) { Save-Keys $keys ($lines + $line) }
& icacls.exe $keys /inheritance:r /grant:r '*S-1-5-18:F' '*S-1-5-32-544:F' | Out-Null
if ($LASTEXITCODE -ne 0) { throw "cannot protect $keys" }
`;

/** Script that removes the key whose base64 field is $blob. */
export const REVOKE_KEY = `${KEYS}
if (Test-Path -LiteralPath $keys) { Save-Keys $keys @(Read-Keys $keys | Where-Object { -not $_.Contains($blob) }) }
`;

/**
 * Script of the last clean-up: removes the journal, the SSH host keys and left-over session keys. sshd generates new
 * host keys at its next start: https://github.com/PowerShell/openssh-portable.
 */
export const LAST_CLEAN_UP = `Remove-Item -LiteralPath '${WINDOWS_JOURNAL}' -Recurse -Force -ErrorAction SilentlyContinue
Remove-Item -Path (Join-Path $env:ProgramData 'ssh\\ssh_host_*') -Force -ErrorAction SilentlyContinue
$keys = Join-Path $env:ProgramData 'ssh\\administrators_authorized_keys'
if (Test-Path -LiteralPath $keys) {
  $rest = @([IO.File]::ReadAllLines($keys) | Where-Object { -not $_.EndsWith(' ${SESSION_KEY}') })
  [IO.File]::WriteAllText($keys, (($rest | ForEach-Object { $_ + [char]10 }) -join ''))
}
`;

const HOMES = `Get-ChildItem 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList' |
  ForEach-Object { (Get-ItemProperty $_.PSPath).ProfileImagePath }
`;
const POWER_OFF = `& shutdown.exe /s /f /t 0
`;

/**
 * Builds the script that removes the key and powers the guest off. The script runs outside of the SSH session's job
 * object, so the end of the session does not stop it. It removes all lines with the key, whatever precedes the key, and
 * deletes a file that has no other lines. $run is the folder of the script and its result.
 */
function buildShutDownWork(request: ShutDownRequest): string {
  const { blob, cleanUp, cleanAtShutdown = '', homes = HOMES, powerOff = POWER_OFF } = request;
  return buildPowershellScript(
    { blob },
    `
$ErrorActionPreference = 'Stop'
$run = $env:IMAGEFACTORY_RUN
function Remove-Key($path) {
  if (-not (Test-Path -LiteralPath $path)) { return }
  $lines = @([IO.File]::ReadAllLines($path))
  $rest = @($lines | Where-Object { -not $_.Contains($blob) })
  if ($rest.Count -eq $lines.Count) { return }
  if ($rest.Count -eq 0) { Remove-Item -LiteralPath $path -Force; return }
  [IO.File]::WriteAllText($path, (($rest | ForEach-Object { $_ + [char]10 }) -join ''))
}
try {
  Remove-Key (Join-Path $env:ProgramData 'ssh\\administrators_authorized_keys')
  $homes = & {
${homes}  }
  foreach ($home_of in $homes) {
    if ($home_of) { Remove-Key (Join-Path $home_of '.ssh\\authorized_keys') }
  }
} catch {
  [IO.File]::WriteAllText("$run\\said", ($_ | Out-String))
  [IO.File]::WriteAllText("$run\\result", 'failed')
  exit 1
}
try {
${cleanUp}} catch { }
[IO.File]::WriteAllText("$run\\result", 'done')
# The reply goes out first.
[Threading.Thread]::Sleep(1000)
Remove-Item -LiteralPath $run -Recurse -Force -ErrorAction SilentlyContinue
try {
${cleanAtShutdown}} catch { }
${powerOff}`,
  );
}

/** Script that starts the script in $work and waits for its result, at most 30 seconds. */
export const SUPERVISE = `
$run = Join-Path $env:SystemRoot ('Temp\\imagefactory.' + [Guid]::NewGuid().ToString('N'))
[void][IO.Directory]::CreateDirectory($run)
[IO.File]::WriteAllText("$run\\work.ps1", $work, (New-Object Text.UTF8Encoding $true))
$line = 'cmd.exe /d /s /c "set IMAGEFACTORY_RUN={0}&& ${POWERSHELL} -File "{0}\\work.ps1""' -f $run
$made = Invoke-WmiMethod -Class Win32_Process -Name Create -ArgumentList $line
if ($made.ReturnValue -ne 0) { throw "WMI did not start the shutdown: $($made.ReturnValue)" }
for ($tries = 0; $tries -lt 300; $tries++) {
  if (-not (Test-Path -LiteralPath $run)) { exit 0 }
  $result = ''
  try { $result = [IO.File]::ReadAllText("$run\\result") } catch { }
  if ($result -eq 'done') { exit 0 }
  if ($result -eq 'failed') { break }
  [Threading.Thread]::Sleep(100)
}
if (Test-Path -LiteralPath "$run\\said") { [Console]::Error.WriteLine([IO.File]::ReadAllText("$run\\said")) }
Remove-Item -LiteralPath $run -Recurse -Force -ErrorAction SilentlyContinue
exit 1
`;

/** Builds a script that removes a key from every `authorized_keys` file, and powers the guest off. */
export function buildWindowsShutDown(request: ShutDownRequest): ScriptWithInput {
  return { script: buildPowershellScript({ work: buildShutDownWork(request) }, SUPERVISE) };
}

/**
 * Builds the value of PowerShell's `-EncodedCommand`: a command that reads a script of `size` bytes from its standard
 * input and runs the script; the rest of the standard input is for that script. We send scripts on standard input,
 * because some scripts are too long for a command line (8191 characters in cmd.exe).
 *
 * The command must not use `$input`, which would make PowerShell read the standard input itself. It prints errors as
 * text on standard error.
 */
export function buildBootstrap(size: number): string {
  return encodeCommand(`$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
$s = [Console]::OpenStandardInput()
$b = New-Object byte[] ${size}
$n = 0
while ($n -lt $b.Length) { $r = $s.Read($b, $n, $b.Length - $n); if ($r -le 0) { exit 97 }; $n += $r }
try { . ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString($b))) } catch { [Console]::Error.WriteLine(($_ | Out-String).Trim()); exit 1 }
`);
}
