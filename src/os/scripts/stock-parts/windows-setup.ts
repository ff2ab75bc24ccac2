import { INSTALLED } from './stock-input.js';

/** The folder of Windows' setup scripts: only administrators can write to it. */
const SCRIPTS = '$env:SystemRoot\\Setup\\Scripts';

/** Defines `Write-Console TEXT`: a line on the serial console, which the build reads. */
const CONSOLE = `function Write-Console($text) {
  $port = New-Object IO.Ports.SerialPort 'COM1', 115200
  try { $port.Open(); $port.Write($text + [char]13 + [char]10) } finally { $port.Close() }
}`;

/**
 * A PowerShell script that runs at each boot. It fetches the key of the instance from the metadata service, adds it to
 * the administrators' authorized keys, prints the SSH host keys to the console between cloud-init's marker lines, and
 * extends the system's volume to the size of its disk.
 */
const KEY_AT_BOOT = `$ErrorActionPreference = 'Stop'
${CONSOLE}
$folder = Join-Path $env:ProgramData 'ssh'
$keys = Join-Path $folder 'administrators_authorized_keys'
$key = ''
for ($try = 0; $try -lt 12 -and $key -eq ''; $try++) {
  if ($try -gt 0) { Start-Sleep -Seconds 5 }
  try { $key = (New-Object Net.WebClient).DownloadString('http://169.254.169.254/latest/meta-data/public-keys/0/openssh-key').Trim() } catch { }
}
if ($key -ne '') {
  $known = @(if (Test-Path -LiteralPath $keys) { [IO.File]::ReadAllLines($keys) | Where-Object { $_.Trim() -ne '' } })
  if ($known -notcontains $key) { [IO.File]::WriteAllText($keys, ((($known + $key) -join [string][char]10) + [char]10)) }
  & icacls.exe $keys /inheritance:r /grant:r '*S-1-5-18:F' '*S-1-5-32-544:F' | Out-Null
}
Start-Service sshd
for ($try = 0; $try -lt 60 -and -not (Test-Path "$folder\\ssh_host_*_key.pub"); $try++) { Start-Sleep -Seconds 1 }
$rule = '-' * 5
$lines = @($rule + 'BEGIN SSH HOST KEY KEYS' + $rule)
$lines += @(Get-ChildItem "$folder\\ssh_host_*_key.pub" | ForEach-Object { [IO.File]::ReadAllText($_.FullName).Trim() })
$lines += $rule + 'END SSH HOST KEY KEYS' + $rule
Write-Console ($lines -join ([string][char]13 + [char]10))
'select volume c', 'extend' | & diskpart.exe | Out-Null
`;

/** Quotes a text as a here-string of PowerShell, in which PowerShell replaces nothing. */
function quoteHereString(text: string): string {
  return `@'\n${text}'@`;
}

/**
 * The PowerShell script that the first logon runs. It installs drivers, the guest agent, OpenSSH, the task that fetches
 * the key at each boot, and the answer file for sysprep. The script is in a comment of the answer file (`$source`),
 * because a command there may have at most 1024 characters. An XML comment must not contain two hyphens in a row.
 * https://learn.microsoft.com/windows-server/administration/openssh/openssh_install_firstuse
 */
export const WINDOWS_SETUP = `param($source)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
${CONSOLE}
function Find-OnDrives($pattern) {
  [IO.DriveInfo]::GetDrives() | Where-Object { $_.IsReady -and $_.DriveType -eq 'CDRom' } |
    ForEach-Object { Get-ChildItem (Join-Path $_.RootDirectory.FullName $pattern) -ErrorAction SilentlyContinue } |
    Select-Object -First 1
}
function Install-Msi($file) {
  $run = Start-Process msiexec.exe -ArgumentList '/i', ('"' + $file.FullName + '"'), '/qn', '/norestart' -Wait -PassThru
  if (@(0, 1641, 3010) -notcontains $run.ExitCode) { throw "$($file.Name) ended with exit status $($run.ExitCode)" }
}
try {
  Write-Console 'imagefactory: the first logon'
  $bits = if ([IntPtr]::Size -eq 8) { 64 } else { 32 }
  $agent = Find-OnDrives $(if ($bits -eq 64) { 'guest-agent\\qemu-ga-x86_64.msi' } else { 'guest-agent\\qemu-ga-i386.msi' })
  $drivers = Find-OnDrives $(if ($bits -eq 64) { 'virtio-win-gt-x64.msi' } else { 'virtio-win-gt-x86.msi' })
  foreach ($found in $drivers, $agent) {
    # Those for disk and network are in already; the others are not made for every Windows.
    try { if ($found) { Install-Msi $found } } catch { Write-Console "imagefactory: $_" }
  }

  $server = Find-OnDrives "OpenSSH-Win$bits*.msi"
  if ($server) {
    Install-Msi $server
  } elseif (-not (Get-Service sshd -ErrorAction SilentlyContinue)) {
    Write-Console 'imagefactory: OpenSSH comes from Windows Update'
    Add-WindowsCapability -Online -Name 'OpenSSH.Server~~~~0.0.1.0' | Out-Null
  }
  if (-not (Test-Path 'HKLM:\\SOFTWARE\\OpenSSH')) { New-Item 'HKLM:\\SOFTWARE\\OpenSSH' | Out-Null }
  $shell = Join-Path $env:SystemRoot 'System32\\WindowsPowerShell\\v1.0\\powershell.exe'
  New-ItemProperty 'HKLM:\\SOFTWARE\\OpenSSH' -Name DefaultShell -Value $shell -PropertyType String -Force | Out-Null
  Set-Service sshd -StartupType Automatic
  # Windows Server 2025 lets nobody in from public networks by itself.
  & netsh.exe advfirewall firewall add rule name=imagefactory-ssh dir=in action=allow protocol=TCP localport=22 profile=any | Out-Null
  if ($LASTEXITCODE -ne 0) { throw 'the firewall does not let SSH in' }
  # Each instance makes its own.
  Stop-Service sshd
  Remove-Item (Join-Path $env:ProgramData 'ssh\\ssh_host_*') -Force -ErrorAction SilentlyContinue

  [void][IO.Directory]::CreateDirectory("${SCRIPTS}")
  [IO.File]::WriteAllText("${SCRIPTS}\\openstack-key.ps1", ${quoteHereString(KEY_AT_BOOT)})
  $command = "powershell.exe -NoProfile -ExecutionPolicy Bypass -File ${SCRIPTS}\\openstack-key.ps1"
  & schtasks.exe /create /f /tn openstack-key /sc onstart /ru SYSTEM /rl highest /tr $command | Out-Null
  if ($LASTEXITCODE -ne 0) { throw 'the task that lets the key in could not be made' }

  # For sysprep: without what belongs to the installation.
  $answers = [xml][IO.File]::ReadAllText($source)
  foreach ($node in @($answers.unattend.ChildNodes)) {
    if ($node.NodeType -eq 'Comment' -or $node.pass -eq 'windowsPE') { [void]$answers.unattend.RemoveChild($node) }
  }
  foreach ($name in 'AutoLogon', 'FirstLogonCommands') {
    foreach ($node in @($answers.GetElementsByTagName($name))) { [void]$node.ParentNode.RemoveChild($node) }
  }
  $saved = Join-Path $env:SystemRoot 'System32\\Sysprep\\imagefactory.xml'
  $answers.Save($saved)
  & icacls.exe $saved /inheritance:r /grant:r '*S-1-5-18:F' '*S-1-5-32-544:F' | Out-Null

  Write-Console '${INSTALLED}'
} catch {
  Write-Console ('IMAGEFACTORY-ERROR ' + (($_ | Out-String) -replace '\\s+', ' '))
  exit 1
}
`;
