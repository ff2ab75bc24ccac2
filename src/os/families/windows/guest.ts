import { FactoryError } from '../../../domain/errors.js';
import { buildPowershellScript } from '../../../domain/powershell.js';
import type { Repository } from '../../../tdl/types.js';
import type { GuestScript, GuestTools } from '../../guest/guest-tools.js';

/**
 * Finds Chocolatey, or installs it as its documentation says: https://docs.chocolatey.org/en-us/choco/setup/. The
 * script enables TLS 1.2 (3072) first, because old versions of Windows do not enable it by default.
 */
const CHOCO = `$choco = Join-Path $env:ProgramData 'chocolatey\\bin\\choco.exe'
if (-not (Test-Path -LiteralPath $choco)) {
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
  Invoke-Expression ((New-Object Net.WebClient).DownloadString('https://community.chocolatey.org/install.ps1'))
}
`;

/** Exits with Chocolatey's status; the statuses that ask for a reboot count as success. */
const STATUS = `if (@(0, 1641, 3010) -contains $LASTEXITCODE) { exit 0 }
exit $LASTEXITCODE
`;

/** Adds the source $url under the name $name, with a higher priority than Chocolatey's own source. */
export const ADD_SOURCE = `${CHOCO}& $choco source add "--name=$name" "--source=$url" "--priority=1"
${STATUS}`;

/** Removes the source $name. */
export const REMOVE_SOURCE = `${CHOCO}& $choco source remove "--name=$name"
${STATUS}`;

/** Installs $names. */
export const INSTALL_PACKAGES = `${CHOCO}& $choco install --yes --no-progress --limit-output $names
${STATUS}`;

/**
 * Builds a script that lists the installed programs, as Windows' settings do, including programs for i386. `print` says
 * what it prints of a program, `$_`.
 * https://learn.microsoft.com/windows/win32/msi/uninstall-registry-key
 */
function buildProgramList(print: string): string {
  return `$places = 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\*',
  'HKLM:\\SOFTWARE\\WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\*'
Get-ItemProperty $places -ErrorAction SilentlyContinue |
  Where-Object { $_.DisplayName -and $_.SystemComponent -ne 1 } |
  ForEach-Object { ${print} } |
  Sort-Object -Unique
`;
}

/** Lists the installed programs with their versions. */
export const LIST_PROGRAMS = buildProgramList(
  'if ($_.DisplayVersion) { "$($_.DisplayName)-$($_.DisplayVersion)" } else { $_.DisplayName }',
);

/** Lists the same programs, each with its version behind a tab. */
export const LIST_PROGRAM_VERSIONS = buildProgramList('"$($_.DisplayName)`t$($_.DisplayVersion)"');

/** The answer files for sysprep: that of Cloudbase-Init, or the one that a stock script leaves. */
const ANSWERS = [
  '$env:ProgramFiles\\Cloudbase Solutions\\Cloudbase-Init\\conf\\Unattend.xml',
  '$env:SystemRoot\\System32\\Sysprep\\imagefactory.xml',
];

/**
 * Removes temporary files, except the files $kept of the template, and what a lost connection has left beside these. A
 * file that is in use stays.
 */
const REMOVE_TEMPORARY = `Get-ChildItem -Path "$env:SystemRoot\\Temp", "$env:TEMP" -Recurse -Force -ErrorAction SilentlyContinue |
  Where-Object { -not $_.PSIsContainer -and $kept -notcontains $_.FullName } |
  Remove-Item -Force -ErrorAction SilentlyContinue
foreach ($file in $kept) { Remove-Item -Path (Join-Path (Split-Path -Parent $file) ('.imagefactory.' + '?' * 32)) -Force -ErrorAction SilentlyContinue }
`;

/** Clears all event logs. */
const CLEAR_EVENTS = `foreach ($log in @(& wevtutil.exe enum-logs)) { & wevtutil.exe clear-log $log 2>$null }
`;

/**
 * Clears the event logs once more before the shutdown: the last logins are in them. Windows itself writes a few more
 * events while it stops.
 */
export const CLEAN_AT_SHUTDOWN = CLEAR_EVENTS;

/**
 * Removes the identity of the machine. If there is an answer file for the instances of the image, sysprep then removes
 * the machine's SID and name. sysprep does not shut down (`/quit`), because the build's key is still there; the
 * registry's ImageState says whether sysprep has succeeded.
 * https://learn.microsoft.com/windows-hardware/manufacture/desktop/sysprep-command-line-options,
 * https://learn.microsoft.com/windows-hardware/manufacture/desktop/windows-setup-states
 */
export const CLEAN = `$ErrorActionPreference = 'Continue'
${REMOVE_TEMPORARY}Remove-Item -Path "$env:SystemRoot\\SoftwareDistribution\\Download\\*" -Recurse -Force -ErrorAction SilentlyContinue
Remove-Item -Path "$env:ProgramData\\chocolatey\\logs\\*", "$env:ProgramFiles\\Cloudbase Solutions\\Cloudbase-Init\\log\\*", "$env:SystemDrive\\Users\\*\\AppData\\Roaming\\Microsoft\\Windows\\PowerShell\\PSReadLine\\*" -Recurse -Force -ErrorAction SilentlyContinue
${CLEAR_EVENTS}& ipconfig.exe /flushdns | Out-Null
$global:LASTEXITCODE = 0
$answers = @(${ANSWERS.map((path) => `"${path}"`).join(', ')}) | Where-Object { Test-Path -LiteralPath $_ } | Select-Object -First 1
$state = 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\State'
if ($answers) {
  $sysprep = Start-Process -FilePath "$env:SystemRoot\\System32\\Sysprep\\sysprep.exe" -ArgumentList '/generalize', '/oobe', '/quiet', '/quit', ('/unattend:"' + $answers + '"') -PassThru -Wait
  $reached = (Get-ItemProperty $state).ImageState
  if ($reached -ne 'IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE') {
    Get-Content -LiteralPath "$env:SystemRoot\\System32\\Sysprep\\Panther\\setuperr.log" -ErrorAction SilentlyContinue
    Write-Output "sysprep ended with exit status $($sysprep.ExitCode) and left Windows in $reached"
    exit 1
  }
  # It has a copy, from which Windows takes the passwords when it has used them; ours would keep them.
  Remove-Item -LiteralPath "$env:SystemRoot\\System32\\Sysprep\\imagefactory.xml" -Force -ErrorAction SilentlyContinue
} else {
  Write-Output 'sysprep is left out: there is no answer file for the machines that are made from the image'
}
exit 0
`;

function addRepository({ name, url }: Repository): GuestScript {
  return { title: `add repository ${name}`, script: buildPowershellScript({ name, url: url.trim() }, ADD_SOURCE) };
}

function removeRepository({ name }: Repository): GuestScript {
  return { title: `remove repository ${name}`, script: buildPowershellScript({ name }, REMOVE_SOURCE) };
}

/** @throws FactoryError InvalidTemplate for a name that Chocolatey would take for an option, such as `/force` */
function installPackages(names: string[]): GuestScript {
  const option = names.find((name) => name.startsWith('/'));
  if (option !== undefined) {
    throw new FactoryError(
      'InvalidTemplate',
      `${JSON.stringify(option)} is not a package name: it would be an option`,
      {
        hint: 'write the name that Chocolatey knows the package by, such as 7zip',
      },
    );
  }
  return {
    title: names.length === 1 ? `install package ${names[0]}` : `install ${names.length} packages`,
    script: buildPowershellScript({ names }, INSTALL_PACKAGES),
  };
}

/**
 * The tools of Windows guests, with Chocolatey. The ICICLE lists the programs that Windows itself lists, not only
 * Chocolatey's.
 */
export const WINDOWS_TOOLS: GuestTools = {
  shell: 'powershell',
  packageManager: 'choco',
  addRepository,
  removeRepository,
  installPackages,
  listPackages: LIST_PROGRAMS,
  listPackageDetails: LIST_PROGRAM_VERSIONS,
  cleanGuest: (kept) => ({
    title: 'remove what belongs to this machine and not to the image',
    script: buildPowershellScript({ kept: kept.map((path) => path.replaceAll('/', '\\')) }, CLEAN),
  }),
  cleanAtShutdown: () => CLEAN_AT_SHUTDOWN,
};
