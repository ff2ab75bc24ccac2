import { childOf } from '../../tdl/elements.js';
import { placeOf, Problems } from '../../tdl/place.js';
import type { Problem } from '../../tdl/types.js';
import { parseXml, type XmlElement } from '../../tdl/xml.js';
import { lengthOf } from './kickstart.js';

/*
 * The scripts of installers that read them from their medium only. Each is checked for the one thing that a build needs: that the
 * machine powers itself off in the end.
 */

const POWER_OFF = /^\s*(?:\/sbin\/)?(?:poweroff|shutdown\s+(?:-o\s+)?-p\s+(?:now|\+0)|halt\s+-p|acpiconf\s+-s\s*5)\b/;

/**
 * FreeBSD's installerconfig: settings for bsdinstall, then a shell script for the new system. bsdinstall starts the machine again when
 * the script has ended (bsdinstall(8), "SCRIPTING"), unless the script has powered it off.
 */
export function checkInstallerconfig(text: string): Problem[] {
  const lines = text.split(/\r?\n/);
  const script = lines.findIndex((line, index) => index > 0 && line.startsWith('#!'));
  if (lines.slice(Math.max(0, script)).some((line) => script >= 0 && POWER_OFF.test(line))) return [];
  const line = lengthOf(lines) + 1;
  const add = script < 0 ? 'the lines "#!/bin/sh" and "poweroff"' : 'the line "poweroff"';
  return [
    {
      line,
      column: 1,
      message: `bsdinstall would start the machine again, and install once more: add ${add} at the end`,
    },
  ];
}

/** DrakX's answers are Perl; only its post-installation scripts can power the machine off. */
export function checkAutoInst(text: string): Problem[] {
  const lines = text.split(/\r?\n/);
  if (!lines.some((line) => /^\s*\$o\s*=/.test(line))) {
    return [{ line: 1, column: 1, message: 'this is no auto_inst.cfg.pl: it must set $o = { … };' }];
  }
  const code = lines.map((line) => (/^\s*#/.test(line) ? '' : line)).join('\n');
  if (isBehind(code, /'?(postInstall|postInstallNonRooted)'?\s*=>/, /\b(poweroff|shutdown\s+(-h|-P)|halt\s+-p)\b/))
    return [];
  const line = lines.findIndex((text) => /^\s*\$o\s*=/.test(text)) + 1;
  return [
    {
      line,
      column: 1,
      message: `DrakX would start the machine again, and install once more: add "'postInstallNonRooted' => 'sync; poweroff -f'," below line ${line}`,
    },
  ];
}

/**
 * Windows' answer file: a command of the first logon or of the specialize pass must shut the machine down; `shutdown /s` or sysprep's
 * `/shutdown`. https://learn.microsoft.com/windows-hardware/customize/desktop/unattend
 */
export function checkAutounattend(source: string): Problem[] {
  const text = source.replace(/\r\n?/g, '\n');
  const problems = new Problems(text);
  const root = parseXml(text, problems);
  if (root === undefined) return problems.list();
  if (root.name !== 'unattend') {
    return [
      {
        ...placeOf(text, root.at),
        message: `this is no answer file of Windows: its root is <${root.name}>, not <unattend>`,
      },
    ];
  }
  if (commandsIn(root).some(shutsDown)) return [];
  const settings = childOf(root, 'settings');
  return [
    {
      ...placeOf(text, (settings ?? root).at),
      message:
        'Windows would stay on: add a command to <FirstLogonCommands> with <CommandLine>shutdown /s /t 0</CommandLine>',
    },
  ];
}

function shutsDown(command: string): boolean {
  return command
    .split('\n')
    .some((line) => isBehind(line, /\bshutdown(\.exe)?\b/i, /[/-]s\b/i) || isBehind(line, /sysprep/i, /\/shutdown/i));
}

/** Whether one thing stands somewhere behind another. Both in one expression would look through the text anew for each first thing. */
function isBehind(text: string, first: RegExp, second: RegExp): boolean {
  const found = first.exec(text);
  return found !== null && second.test(text.slice(found.index + found[0].length));
}

function commandsIn(element: XmlElement): string[] {
  const own = ['CommandLine', 'Path'].includes(element.name) ? [element.text] : [];
  return [...own, ...element.children.flatMap(commandsIn)];
}
