import { FactoryError } from '../../../domain/errors.js';
import { findChild } from '../../../tdl/elements.js';
import { findPosition, Problems } from '../../../tdl/place.js';
import type { Extra, Problem } from '../../../tdl/types.js';
import { parseXml, type XmlElement } from '../../../tdl/xml.js';
import { findWindowsVersion, type WindowsVersion } from '../../common/windows-versions.js';
import type { StockInput } from '../stock-parts/stock-input.js';
import { writeWindowsDisk } from '../stock-parts/windows-disk.js';
import { WINDOWS_SETUP } from '../stock-parts/windows-setup.js';
import { isAfter } from './lines.js';
import type { ScriptKind } from './script-kind.js';

/*
 * The answer file of Windows Setup. Elements and the passes that they belong to are those of
 * https://learn.microsoft.com/windows-hardware/customize/desktop/unattend/.
 */

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Escapes a text for an element or an attribute of XML. */
function escapeXml(value: string): string {
  return value.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}

/** The answer file of Windows Setup, which looks for it at the root of every removable drive. */
export const autounattend: ScriptKind = {
  title: 'autounattend.xml',
  name: 'an answer file of Windows',
  matches: (text) => /^\s*(<\?xml[^>]*>\s*)?<unattend[\s>]/.test(text),
  check: checkAutounattend,
  writeStock: writeAutounattend,
  passwords: [
    // Accounts, the automatic logon and the product key.
    /<(?:AdministratorPassword|Password)>(?:\s*<PlainText>[^<]*<\/PlainText>)?\s*(?:<Value>\s*)?([^<\s][^<]*)</g,
    /<ProductKey>(?:\s*<WillShowUI>[^<]*<\/WillShowUI>)?\s*(?:<Key>\s*)?([^<\s]+)\s*</g,
  ],
  escape: escapeXml,
  memory: { installer: 2048, system: 1024 },
  medium: { paths: ['autounattend.xml', 'Autounattend.xml'] },
  // The loader of the media waits for a key (efisys.bin); the one for BIOS asks only where the disk has something to
  // start. https://learn.microsoft.com/windows-hardware/manufacture/desktop/oscdimg-command-line-options
  uefiWarning:
    'Microsoft’s media of Windows ask for a key before UEFI starts them, and nobody presses one: the medium has to be one without the question (efisys_noprompt.bin)',
};

/**
 * Checks Windows' answer file: a command of the first logon or of the specialize pass must shut the machine down, with
 * `shutdown /s` or sysprep's `/shutdown`. https://learn.microsoft.com/windows-hardware/customize/desktop/unattend
 */
function checkAutounattend(source: string): Problem[] {
  const text = source.replace(/\r\n?/g, '\n');
  const problems = new Problems(text);
  const root = parseXml(text, problems);
  if (root === undefined) return problems.list();
  if (root.name !== 'unattend') {
    return [
      {
        ...findPosition(text, root.at),
        message: `this is no answer file of Windows: its root is <${root.name}>, not <unattend>`,
      },
    ];
  }
  if (findCommands(root).some(shutsDown)) return [];
  const settings = findChild(root, 'settings');
  return [
    {
      ...findPosition(text, (settings ?? root).at),
      message:
        'Windows would stay on: add a command to <FirstLogonCommands> with <CommandLine>shutdown /s /t 0</CommandLine>',
    },
  ];
}

function shutsDown(command: string): boolean {
  return command
    .split('\n')
    .some((line) => isAfter(line, /\bshutdown(\.exe)?\b/i, /[/-]s\b/i) || isAfter(line, /sysprep/i, /\/shutdown/i));
}

function findCommands(element: XmlElement): string[] {
  const own = ['CommandLine', 'Path'].includes(element.name) ? [element.text] : [];
  return [...own, ...element.children.flatMap(findCommands)];
}

/** The input of a stock script of Windows, checked. */
interface Answers extends StockInput {
  windows: WindowsVersion;
  password: string;
}

/**
 * An answer file for the smallest Windows that a cloud can use. @throws FactoryError InvalidTemplate, InvalidParameter
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
      'parameter default_user: a stock script of Windows lets Administrator in',
      {
        hint: 'leave it out, or bring an install script',
      },
    );
  }
  if (!windows.hasSsh && !os.install.extras.some(isSshServer)) {
    throw new FactoryError('InvalidTemplate', `Windows ${windows.name} does not have OpenSSH, and cannot fetch it`, {
      hint: "add <extras><file source='http://…/OpenSSH-Win64-v9….msi' destination='/OpenSSH-Win64.msi'/></extras> (https://github.com/PowerShell/Win32-OpenSSH/releases), or bring an install script",
    });
  }
  return { windows, password: requirePassword(os.rootpw, windows) };
}

/** Whether the file is the OpenSSH server that `windows-setup.ts` looks for at the root of the drives. */
function isSshServer({ source, destination }: Extra): boolean {
  const path = destination.endsWith('/') ? `${destination}${source.split('/').at(-1)}` : destination;
  return /^\/*OpenSSH-Win(32|64)[^/]*\.msi$/i.test(path);
}

/**
 * Whether a server accepts a password:
 * https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/password-must-meet-complexity-requirements
 */
function isComplex(password: string): boolean {
  const kinds = [/\p{Lu}/u, /\p{Ll}/u, /\d/, /[^\p{L}\d]/u].filter((kind) => kind.test(password));
  return password.length >= 6 && kinds.length >= 3 && !/administrator/i.test(password);
}

/** Requires a password: the first logon, which sets Windows up, needs one. */
function requirePassword(rootpw: string | undefined, { name, server }: WindowsVersion): string {
  if (rootpw === undefined || rootpw === '') {
    throw new FactoryError('InvalidTemplate', 'a stock script of Windows needs a <rootpw>: Administrator’s password', {
      hint: 'add <rootpw> to the template’s <os>, or bring an install script',
    });
  }
  if (server && !isComplex(rootpw)) {
    throw new FactoryError('InvalidTemplate', `Windows ${name} takes no <rootpw> as simple as this one`, {
      hint: 'write six characters or more, of three kinds: capital and small letters, digits, others',
    });
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

/** A command that writes a line to the serial console, so that the build sees progress. */
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

/** The account is disabled on clients. */
const SPECIALIZE = ['net.exe user Administrator /active:yes', writeConsoleCommand('Windows is on its disk')];

/** The virtio drivers for disk and network, on any drive: Setup skips folders that do not exist. */
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

/** Without a key (evaluation and volume licences have none) Setup must not ask for one. */
function writeProductKey(key: string): string {
  return key === '' ? '<WillShowUI>Never</WillShowUI>' : `<Key>${escapeXml(key)}</Key><WillShowUI>OnError</WillShowUI>`;
}

/** Commands that disable Windows 11's checks for TPM and Secure Boot, which few clouds have. */
function listBypassCommands({ name }: WindowsVersion): string[] {
  if (name !== '11') return [];
  return ['BypassTPMCheck', 'BypassSecureBootCheck', 'BypassCPUCheck', 'BypassRAMCheck'].map(
    (check) => `reg.exe add HKLM\\SYSTEM\\Setup\\LabConfig /v ${check} /t REG_DWORD /d 1 /f`,
  );
}

/** Selects the image of the medium: by the parameter, else by the product key, else the first. */
function writeImageChoice({ windowsImage }: Answers, key: string): string {
  const wanted = windowsImage?.trim() ?? '';
  if (wanted === '' && key !== '') return '';
  const by = /^\d*$/.test(wanted) ? 'INDEX' : 'NAME';
  return `<InstallFrom><MetaData wcm:action="add"><Key>/IMAGE/${by}</Key><Value>${escapeXml(wanted === '' ? '1' : wanted)}</Value></MetaData></InstallFrom>`;
}

/**
 * Extracts the setup script from this file, which may be on any drive, and runs it. A command may have 1024 characters.
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
