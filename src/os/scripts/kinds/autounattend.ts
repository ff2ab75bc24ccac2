import { FactoryError } from '../../../domain/errors.js';
import { escapeXml as escapeContent } from '../../../tdl/escape-xml.js';
import type { Extra } from '../../../tdl/types.js';
import { findWindowsVersion, type WindowsVersion } from '../../common/windows-versions.js';
import type { StockInput } from '../stock-parts/stock-input.js';
import { writeWindowsDisk } from '../stock-parts/windows-disk.js';
import { WINDOWS_SETUP } from '../stock-parts/windows-setup.js';
import { checkAutounattend } from '../checks/check-autounattend.js';
import { findRootName } from './lines.js';
import type { ScriptKind } from './script-kind.js';

/*
 * The answer file of Windows Setup. Its elements, and the passes that they belong to, are documented at
 * https://learn.microsoft.com/windows-hardware/customize/desktop/unattend/.
 */

/** Escapes a text for an element or an attribute of XML. */
function escapeXml(value: string): string {
  return escapeContent(value).replaceAll('"', '&quot;');
}

/** The answer file of Windows Setup, which looks for it at the root of every removable drive. */
export const autounattend: ScriptKind = {
  title: 'autounattend.xml',
  name: 'an answer file of Windows',
  matches: (text) => findRootName(text) === 'unattend',
  check: checkAutounattend,
  writeStock: writeAutounattend,
  memory: { installer: 2048, system: 1024 },
  medium: { paths: ['autounattend.xml', 'Autounattend.xml'] },
  // The UEFI boot loader of the media (efisys.bin) waits for a key press. The one for BIOS asks for a key only when the
  // disk has something to boot.
  // https://learn.microsoft.com/windows-hardware/manufacture/desktop/oscdimg-command-line-options
  uefiWarning:
    'with UEFI, Microsoft’s media of Windows boot only after a key press, and nobody can press a key: use a medium that does not ask for one (efisys_noprompt.bin)',
};

/** The checked input of the stock script for Windows. */
interface Answers extends StockInput {
  windows: WindowsVersion;
  password: string;
}

/**
 * Writes an answer file for the smallest Windows that a cloud can use.
 * @throws FactoryError InvalidTemplate, InvalidParameter
 */
function writeAutounattend(input: StockInput): string {
  const answers = { ...input, ...checkInput(input) };
  return `<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
  <!--${WINDOWS_SETUP}-->
  <settings pass="windowsPE">
${writeComponent('Microsoft-Windows-International-Core-WinPE', answers, LOCALE_OF_SETUP)}
${writeDrivers(answers)}${writeComponent('Microsoft-Windows-Setup', answers, writeSetup(answers))}
  </settings>
  <settings pass="specialize">
${writeComponent('Microsoft-Windows-Deployment', answers, writeRunSynchronous(SPECIALIZE))}
${writeComponent('Microsoft-Windows-Shell-Setup', answers, '<ComputerName>*</ComputerName><TimeZone>UTC</TimeZone>')}
  </settings>
  <settings pass="oobeSystem">
${writeComponent('Microsoft-Windows-International-Core', answers, LOCALE)}
${writeComponent('Microsoft-Windows-Shell-Setup', answers, writeShellSetup(answers))}
  </settings>
</unattend>
`;
}

function checkInput({
  template: { os },
  profile,
  diskLayout,
  user,
}: StockInput): Pick<Answers, 'windows' | 'password'> {
  const windows = findWindowsVersion(profile.version, os.version);
  if (diskLayout === 'lvm') {
    throw new FactoryError('InvalidParameter', 'parameter disk_layout: Windows has no LVM', {
      hint: 'write plain or efi',
    });
  }
  if (user !== 'Administrator') {
    throw new FactoryError(
      'InvalidParameter',
      'parameter default_user: with a stock script, only Administrator can log in to Windows',
      {
        hint: 'leave default_user out, or bring an install script',
      },
    );
  }
  if (!windows.hasSsh && !os.install.extras.some(isSshServer)) {
    throw new FactoryError(
      'InvalidTemplate',
      `Windows ${windows.name} has no OpenSSH and cannot fetch it from Windows Update`,
      {
        hint: "add <extras><file source='http://…/OpenSSH-Win64-v9….msi' destination='/OpenSSH-Win64.msi'/></extras> (https://github.com/PowerShell/Win32-OpenSSH/releases), or bring an install script",
      },
    );
  }
  return { windows, password: requirePassword(os.rootpw, windows) };
}

/** Checks whether a file of `<extras>` is the OpenSSH server that `windows-setup.ts` looks for. */
function isSshServer({ source, destination }: Extra): boolean {
  const path = destination.endsWith('/') ? `${destination}${source.split('/').at(-1)}` : destination;
  return /^\/*OpenSSH-Win(32|64)[^/]*\.msi$/i.test(path);
}

/**
 * Checks whether a Windows server accepts a password:
 * https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/password-must-meet-complexity-requirements
 */
function isComplex(password: string): boolean {
  const kinds = [/\p{Lu}/u, /\p{Ll}/u, /\d/, /[^\p{L}\d]/u].filter((kind) => kind.test(password));
  return password.length >= 6 && kinds.length >= 3 && !/administrator/i.test(password);
}

/**
 * Returns `rootpw`, which is required: the first logon, which sets Windows up, needs a password.
 * @throws FactoryError InvalidTemplate when it is missing, or too simple for a server
 */
function requirePassword(rootpw: string | undefined, { name, server }: WindowsVersion): string {
  if (rootpw === undefined || rootpw === '') {
    throw new FactoryError('InvalidTemplate', 'a stock script of Windows needs a <rootpw>, Administrator’s password', {
      hint: 'add <rootpw> to the template’s <os>, or bring an install script',
    });
  }
  if (server && !isComplex(rootpw)) {
    throw new FactoryError(
      'InvalidTemplate',
      `Windows ${name} does not accept this <rootpw>, because it is too simple`,
      {
        hint: 'write at least six characters of at least three kinds (capital letters, small letters, digits, other characters), without the word administrator',
      },
    );
  }
  return rootpw;
}

const ARCHITECTURES: Partial<Record<StockInput['template']['os']['arch'], string>> = { x86_64: 'amd64', i386: 'x86' };

function writeComponent(name: string, { template }: Pick<StockInput, 'template'>, content: string): string {
  const architecture = ARCHITECTURES[template.os.arch] ?? template.os.arch;
  return `    <component name="${name}" processorArchitecture="${architecture}" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">${content}</component>`;
}

const LOCALE =
  '<InputLocale>en-US</InputLocale><SystemLocale>en-US</SystemLocale><UILanguage>en-US</UILanguage><UserLocale>en-US</UserLocale>';
const LOCALE_OF_SETUP = `<SetupUILanguage><UILanguage>en-US</UILanguage></SetupUILanguage>${LOCALE}`;

/** Returns a command that writes a line to the serial console, so that the build sees progress. */
function writeConsoleCommand(line: string): string {
  return `cmd.exe /d /c echo imagefactory: ${line}>COM1`;
}

function writeRunSynchronous(commands: string[]): string {
  const items = commands.map(
    (command, index) =>
      `<RunSynchronousCommand wcm:action="add"><Order>${index + 1}</Order><Path>${escapeXml(command)}</Path></RunSynchronousCommand>`,
  );
  return `<RunSynchronous>${items.join('')}</RunSynchronous>`;
}

/**
 * The commands of the specialize pass. Client versions of Windows disable the user Administrator, so the first command
 * enables this user.
 */
const SPECIALIZE = ['net.exe user Administrator /active:yes', writeConsoleCommand('Windows is on its disk')];

/**
 * Writes the folders of the virtio drivers for disk and network. The medium may be any drive from C to G: Setup skips
 * folders that do not exist.
 */
function writeDrivers(answers: Answers): string {
  if (answers.drivers !== true) return '';
  const architecture = ARCHITECTURES[answers.template.os.arch] ?? '';
  const paths = ['C', 'D', 'E', 'F', 'G'].flatMap((drive) =>
    ['viostor', 'vioscsi', 'NetKVM'].map(
      (driver) => `${drive}:\\${driver}\\${answers.windows.drivers}\\${architecture}`,
    ),
  );
  const items = paths.map(
    (path, index) =>
      `<PathAndCredentials wcm:action="add" wcm:keyValue="${index + 1}"><Path>${path}</Path></PathAndCredentials>`,
  );
  const content = `<DriverPaths>${items.join('')}</DriverPaths>`;
  return `${writeComponent('Microsoft-Windows-PnpCustomizationsWinPE', answers, content)}\n`;
}

function writeSetup(answers: Answers): string {
  const { os } = answers.template;
  const key = os.key?.trim() ?? '';
  return [
    writeWindowsDisk(answers.diskLayout),
    `<ImageInstall><OSImage>${writeImageChoice(answers, key)}<InstallTo><DiskID>0</DiskID><PartitionID>${answers.diskLayout === 'efi' ? 3 : 2}</PartitionID></InstallTo></OSImage></ImageInstall>`,
    writeRunSynchronous([writeConsoleCommand('Windows Setup has begun'), ...listBypassCommands(answers.windows)]),
    `<UserData><ProductKey>${writeProductKey(key)}</ProductKey><AcceptEula>true</AcceptEula></UserData>`,
  ].join('');
}

/** Writes the product key. Without a key (evaluation and volume licences have none), Setup must not ask for one. */
function writeProductKey(key: string): string {
  return key === '' ? '<WillShowUI>Never</WillShowUI>' : `<Key>${escapeXml(key)}</Key><WillShowUI>OnError</WillShowUI>`;
}

/**
 * Lists commands that disable Windows 11's checks of TPM and Secure Boot, which few clouds have, and of CPU and memory.
 */
function listBypassCommands({ name }: WindowsVersion): string[] {
  if (name !== '11') return [];
  return ['BypassTPMCheck', 'BypassSecureBootCheck', 'BypassCPUCheck', 'BypassRAMCheck'].map(
    (check) => `reg.exe add HKLM\\SYSTEM\\Setup\\LabConfig /v ${check} /t REG_DWORD /d 1 /f`,
  );
}

/** Selects an image of the medium: by the parameter windows_image, else by the product key, else the first image. */
function writeImageChoice({ windowsImage }: Answers, key: string): string {
  const wanted = windowsImage?.trim() ?? '';
  if (wanted === '' && key !== '') return '';
  const by = /^\d*$/.test(wanted) ? 'INDEX' : 'NAME';
  return `<InstallFrom><MetaData wcm:action="add"><Key>/IMAGE/${by}</Key><Value>${escapeXml(wanted === '' ? '1' : wanted)}</Value></MetaData></InstallFrom>`;
}

/**
 * The commands of the first logon. A command may have at most 1024 characters, and the setup script is longer. So the
 * first command extracts the setup script from the answer file, which may be on any drive, and runs the script.
 */
const FIRST_LOGON = [
  `powershell.exe -NoProfile -ExecutionPolicy Bypass -Command "foreach ($d in [IO.DriveInfo]::GetDrives()) { $f = $d.Name + 'autounattend.xml'; if (-not (Test-Path $f)) { continue }; $c = @(([xml][IO.File]::ReadAllText($f)).unattend.ChildNodes | Where-Object { $_.NodeType -eq 'Comment' }); if ($c.Count -eq 0) { continue }; $s = $env:SystemRoot + '\\Temp\\imagefactory-setup.ps1'; [IO.File]::WriteAllText($s, $c[0].Value); & $s $f; Remove-Item $s; break }"`,
  'shutdown.exe /s /f /t 5',
];

function writeShellSetup({ password }: Answers): string {
  const value = `<Value>${escapeXml(password)}</Value><PlainText>true</PlainText>`;
  const commands = FIRST_LOGON.map(
    (command, index) =>
      `<SynchronousCommand wcm:action="add"><Order>${index + 1}</Order><CommandLine>${escapeXml(command)}</CommandLine></SynchronousCommand>`,
  );
  return [
    `<AutoLogon><Password>${value}</Password><Enabled>true</Enabled><LogonCount>1</LogonCount><Username>Administrator</Username></AutoLogon>`,
    `<FirstLogonCommands>${commands.join('')}</FirstLogonCommands>`,
    '<OOBE><HideEULAPage>true</HideEULAPage><NetworkLocation>Work</NetworkLocation><ProtectYourPC>3</ProtectYourPC><SkipMachineOOBE>true</SkipMachineOOBE><SkipUserOOBE>true</SkipUserOOBE></OOBE>',
    `<UserAccounts><AdministratorPassword>${value}</AdministratorPassword></UserAccounts>`,
    '<TimeZone>UTC</TimeZone>',
  ].join('');
}
