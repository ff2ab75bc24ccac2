import { encodeCommand, POWERSHELL } from '../domain/powershell.js';
import { DROPPED_OUTPUT, KEPT_OUTPUT, LARGEST_OUTPUT } from './posix-journal.js';

/** The journal's folder in a Windows guest: only administrators and the system can read it. */
export const WINDOWS_JOURNAL = 'C:\\ProgramData\\imagefactory';

/*
 * The guest's side of the journal in Windows, with the files and the guarantees of `posix-journal.ts`. Its scripts use
 * only PowerShell 2.0, which every Windows since 7 can run. The differences:
 *
 *     <step>/start   "<pid> <creation time of the process> <seconds since boot>": after a reboot, a process with
 *                    the same pid has another creation time
 *
 * The runner moves `start` into place; like link(2), the move fails if the file exists. When an SSH session ends, sshd
 * ends all processes of the session, because they are in one job object
 * (https://github.com/PowerShell/Win32-OpenSSH/issues/1642). Therefore WMI starts the runner: a process that WMI starts
 * is in no job.
 */

/**
 * Script that runs a step's PowerShell script as CI systems do: an error ends the step with exit status 1; otherwise
 * the step's exit status is that of the last program.
 */
const MAIN = `$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
try { [Console]::OutputEncoding = New-Object Text.UTF8Encoding $false } catch { }
$global:LASTEXITCODE = 0
try { & $env:IMAGEFACTORY_SCRIPT } catch { [Console]::Out.WriteLine(($_ | Out-String).Trim()); exit 1 }
exit $global:LASTEXITCODE
`;

/**
 * The script that runs a step, independently of the SSH connection. Arguments: the step's folder, the attempt's folder,
 * the path of the step's script.
 */
export const WINDOWS_RUNNER = `param($step, $try, $script)
$ErrorActionPreference = 'Stop'
$began = (Get-Process -Id $PID).StartTime.ToFileTimeUtc()
$seconds = [long]([Diagnostics.Stopwatch]::GetTimestamp() / [Diagnostics.Stopwatch]::Frequency)
$start = "$PID $began $seconds"
[IO.File]::WriteAllText("$try\\mine", $start)
[IO.File]::WriteAllText("$try\\start", $start)
# Fails where somebody else has been faster.
try { [IO.File]::Move("$try\\start", "$step\\start") } catch { Remove-Item -LiteralPath $try -Recurse -Force; exit 0 }

$output = New-Object IO.FileStream "$step\\output", 'Create', 'ReadWrite', 'ReadWrite, Delete'
function Save-Output($bytes, $count) {
  $output.Write($bytes, 0, $count)
  if ($output.Length -gt ${LARGEST_OUTPUT}) {
    $kept = New-Object byte[] ${KEPT_OUTPUT}
    [void]$output.Seek(-${KEPT_OUTPUT}, 'End')
    $size = $output.Read($kept, 0, $kept.Length)
    $output.SetLength(0)
    $note = [Text.Encoding]::ASCII.GetBytes('${DROPPED_OUTPUT}' + [char]10)
    $output.Write($note, 0, $note.Length)
    $output.Write($kept, 0, $size)
  }
  $output.Flush()
}

# As a new session would have it: what an earlier step has installed is found.
$env:Path = [Environment]::GetEnvironmentVariable('Path', 'Machine') + ';' + [Environment]::GetEnvironmentVariable('Path', 'User')
$env:IMAGEFACTORY_SCRIPT = $script
$run = '${POWERSHELL} -OutputFormat Text -EncodedCommand ${encodeCommand(MAIN)}'
if ($script -like '*.cmd') { $run = 'chcp 65001 >nul & call "' + $script + '"' }
$info = New-Object Diagnostics.ProcessStartInfo
$info.FileName = $env:ComSpec
# cmd.exe makes one stream of both; /s takes the outer quotes off and no others.
$info.Arguments = '/d /s /c "' + $run + ' <nul 2>&1"'
$info.UseShellExecute = $false
$info.CreateNoWindow = $true
$info.RedirectStandardOutput = $true
if (Test-Path -LiteralPath $env:USERPROFILE) { $info.WorkingDirectory = $env:USERPROFILE }
$child = [Diagnostics.Process]::Start($info)
$stream = $child.StandardOutput.BaseStream
$buffer = New-Object byte[] 65536
$reading = $stream.BeginRead($buffer, 0, $buffer.Length, $null, $null)
while ($true) {
  if ($reading.AsyncWaitHandle.WaitOne(500)) {
    $count = $stream.EndRead($reading)
    if ($count -le 0) { break }
    Save-Output $buffer $count
    $reading = $stream.BeginRead($buffer, 0, $buffer.Length, $null, $null)
  } elseif ($child.HasExited) { break } # A program that goes on in the background may hold the stream open.
}
$child.WaitForExit()
$output.Close()
# The step may have removed the journal itself.
[void][IO.Directory]::CreateDirectory($step)
[IO.File]::WriteAllText("$step\\status.new", [string]$child.ExitCode)
[IO.File]::Move("$step\\status.new", "$step\\status")
`;

/**
 * The script that starts a step, or attaches to it, and follows it to its end. It reports like the POSIX script. Its
 * variables:
 * - `$journal` the folder of the journal, `$name` the name of the step, `$round` its round
 * - `$anew` true when the script must not attach to another round of the step
 * - `$size` the size of the step's script in bytes; the step's script comes on standard input
 * - `$file` the file name for the step's script, `$bom` true when this file needs a byte order mark
 * - `$timeout` the timeout of the step in seconds
 * - `$earlier` the maximum of bytes of earlier output that the script prints when it attaches
 * - `$runner` the text of `WINDOWS_RUNNER`
 */
export const WINDOWS_FOLLOW = `
$stdin = [Console]::OpenStandardInput()
$stdout = [Console]::OpenStandardOutput()
$buffer = New-Object byte[] 65536
$at = @{ shown = [long]0; how = 'attached' }

function Exit-With { [Console]::Error.Write([string][char]10 + ($args -join ' ') + [char]10); [Console]::Error.Flush(); exit 0 }

function Read-Text($path) {
  try { $text = New-Object IO.FileStream $path, 'Open', 'Read', 'ReadWrite, Delete' } catch { return '' }
  try { (New-Object IO.StreamReader $text).ReadToEnd() } finally { $text.Close() }
}

function Test-Running($start) {
  try {
    $id, $began, $since = $start -split ' '
    (Get-Process -Id ([int]$id)).StartTime.ToFileTimeUtc() -eq [long]$began
  } catch { $false }
}

function Get-Uptime { [long]([Diagnostics.Stopwatch]::GetTimestamp() / [Diagnostics.Stopwatch]::Frequency) }

# Another round of the step that needs no repeating.
function Find-Round {
  foreach ($other in @(Get-ChildItem -LiteralPath $journal -Filter "$name.*" -ErrorAction SilentlyContinue)) {
    $status = Read-Text "$($other.FullName)\\status"
    if ($status -eq '0') { return $other.FullName }
    if ($status -eq '' -and (Test-Running (Read-Text "$($other.FullName)\\start"))) { return $other.FullName }
  }
}

function Receive-Script($path) {
  $bytes = New-Object byte[] $size
  $have = 0
  while ($have -lt $size) {
    $count = $stdin.Read($bytes, $have, $size - $have)
    if ($count -le 0) { break }
    $have += $count
  }
  # A lost connection looks like the end of the input: half a script must not run.
  if ($have -ne $size) { return $false }
  $to = New-Object IO.FileStream $path, 'Create'
  if ($bom) { $to.Write([byte[]](0xEF, 0xBB, 0xBF), 0, 3) }
  $to.Write($bytes, 0, $size)
  $to.Close()
  $true
}

function Start-Step {
  [void][IO.Directory]::CreateDirectory($step)
  & icacls.exe $journal /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
  if ($LASTEXITCODE -ne 0) { Exit-With refused "cannot protect $journal" }
  $try = "$step\\try." + [Guid]::NewGuid().ToString('N')
  [void][IO.Directory]::CreateDirectory($try)
  if (-not (Receive-Script "$try\\$file")) {
    Remove-Item -LiteralPath $try -Recurse -Force
    Exit-With refused 'only a part of the script arrived'
  }
  [IO.File]::WriteAllText("$try\\runner.ps1", $runner)
  $line = '${POWERSHELL} -File "{0}\\runner.ps1" "{1}" "{0}" "{0}\\{2}"' -f $try, $step, $file
  $made = Invoke-WmiMethod -Class Win32_Process -Name Create -ArgumentList $line
  if ($made.ReturnValue -ne 0) { Exit-With refused "WMI did not start the script: $($made.ReturnValue)" }
  $tries = 0
  while ((Read-Text "$step\\start") -eq '' -and (Read-Text "$step\\status") -eq '') {
    $tries++
    if ($tries -ge 600) { Exit-With refused 'the script did not start' }
    [Threading.Thread]::Sleep(100)
  }
  if ((Read-Text "$try\\mine") -eq (Read-Text "$step\\start")) { $at.how = 'started' }
}

# Prints what is new in the output.
function Show-Output {
  try { $from = New-Object IO.FileStream "$step\\output", 'Open', 'Read', 'ReadWrite, Delete' } catch { return }
  try {
    # It was cut down because it was too large.
    if ($from.Length -lt $at.shown) { $at.shown = [long]0 }
    [void]$from.Seek($at.shown, 'Begin')
    while (($count = $from.Read($buffer, 0, $buffer.Length)) -gt 0) {
      $stdout.Write($buffer, 0, $count)
      $at.shown += $count
    }
    $stdout.Flush()
  } finally { $from.Close() }
}

function Exit-Finished { Show-Output; Exit-With $at.how @args }

function Exit-IfEnded {
  $status = Read-Text "$step\\status"
  if ($status -ne '') { Exit-Finished exited $status }
}

function Stop-Step($id) {
  [IO.File]::WriteAllText("$step\\deadline", '')
  & taskkill.exe /T /F /PID $id 2>$null | Out-Null
}

$step = "$journal\\$name.$round"
if (-not $anew) {
  $other = Find-Round
  if ($other) { $step = $other }
}
if ((Read-Text "$step\\status") -eq '' -and (Read-Text "$step\\start") -eq '') { Start-Step }
if ($at.how -eq 'attached' -and (Test-Path -LiteralPath "$step\\output")) {
  $at.shown = [Math]::Max([long]0, (Get-Item -LiteralPath "$step\\output").Length - $earlier)
}
Exit-IfEnded
$start = Read-Text "$step\\start"
$id, $began, $since = $start -split ' '
$rounds = 0
while (Test-Running $start) {
  Show-Output
  Exit-IfEnded
  if ((Get-Uptime) - [long]$since -ge $timeout) { Stop-Step $id; break }
  $rounds++
  # A sign of life, which fails when nobody listens any more.
  if ($rounds % 10 -eq 0) { [Console]::Error.Write('.'); [Console]::Error.Flush() }
  [Threading.Thread]::Sleep([Math]::Min(1000, 50 * $rounds))
}
Exit-IfEnded
if (Test-Path -LiteralPath "$step\\deadline") { Exit-Finished deadline }
Exit-Finished interrupted
`;
