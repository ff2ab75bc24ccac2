import { randomBytes } from 'node:crypto';
import { findMemory } from '../os/installer/memory.js';
import { findProfile } from '../os/registry.js';
import type { InstallScriptKind } from '../os/scripts/kinds/registry.js';
import { findNearest, hintAtNames } from '../domain/nearest.js';
import { parseTemplate } from '../tdl/parse.js';
import { ClientError } from './errors.js';
import { FIRST_BUILD_SYSTEMS, type FirstBuildSystem } from './first-build-systems.js';
import type { GivenParameters } from './given-parameters.js';
import { renderStockScript } from './stock-script.js';

/** The ends of the names of install scripts. */
const SCRIPT_ENDS: Record<InstallScriptKind, string> = {
  agama: 'agama.json',
  auto_inst: 'auto_inst.cfg.pl',
  autoinstall: 'autoinstall.yaml',
  autounattend: 'autounattend.xml',
  autoyast: 'autoyast.xml',
  installerconfig: 'installerconfig',
  kickstart: 'ks',
  preseed: 'preseed',
};

/** The files with which a first build of a system can begin, and what the user still has to do. */
export interface FirstBuild {
  /** Names and contents of the template, of the install script and of the file of parameters. */
  files: FirstBuildFile[];
  /** The command that starts the build, as words. It names the files without a folder. */
  command: string[];
  /** What the user must change first, in full sentences. */
  changes: string[];
  /** Memory in MiB and disk in GiB that the flavor must have. */
  needs: { memory: number; disk: number };
}

/** A file of a {@link FirstBuild}. */
export interface FirstBuildFile {
  /** Name of the file, without a folder. */
  name: string;
  text: string;
  /** Whether the file has a password, so that only its owner should read it. */
  secret: boolean;
}

/** Lists the names of the systems for which {@link prepareFirstBuild} writes files: `debian-12`. */
export function listFirstBuildSystems(): string[] {
  return FIRST_BUILD_SYSTEMS.map(({ id }) => id);
}

/**
 * Prepares a first build of a system: writes its template with the address of the system's public mirror, its stock
 * install script and its parameters. Needs neither Temporal nor a cloud, and writes nothing to the disk.
 *
 * @param options `flavor`: name or id of the flavor to build with. Default `m1.small`, which the user must check
 * @throws ClientError `UnknownSystem` when there is no such system; the hint lists the systems
 */
export function prepareFirstBuild(id: string, options: { flavor?: string | undefined } = {}): FirstBuild {
  const system = findSystem(id);
  const { flavor = 'm1.small' } = options;
  const template = writeTemplate(system);
  const isWindows = system.needsPassword === true;
  const parameters: GivenParameters = {
    flavor,
    request_floating_ip: true,
    default_user: system.user,
    command_prefix: system.user === 'root' ? '' : 'sudo',
  };
  const { script, kind } = renderStockScript({ text: template, name: `${system.id}.tdl` }, parameters);
  const scriptName = `${system.id}.${SCRIPT_ENDS[kind]}`;
  const parametersName = `${system.id}.parameters.json`;
  return {
    files: [
      { name: `${system.id}.tdl`, text: template, secret: isWindows },
      { name: scriptName, text: script, secret: isWindows },
      { name: parametersName, text: `${JSON.stringify(parameters, null, 2)}\n`, secret: false },
    ],
    command: [
      'imagefactory',
      'base_image',
      '--local',
      '--parameters',
      parametersName,
      '--file-parameter',
      'install_script',
      scriptName,
      `${system.id}.tdl`,
    ],
    changes: system.replace === undefined ? [] : [`In ${system.id}.tdl, write into <iso>: ${system.replace}.`],
    needs: { memory: findInstallerMemory(template), disk: system.disk },
  };
}

function findSystem(id: string): FirstBuildSystem {
  const found = FIRST_BUILD_SYSTEMS.find((system) => system.id === id.toLowerCase());
  if (found !== undefined) return found;
  const known = listFirstBuildSystems();
  throw new ClientError('UnknownSystem', `there are no files for a first build of ${JSON.stringify(id)}`, {
    hint: hintAtNames(findNearest(id, known), 'the systems are', known),
  });
}

function findInstallerMemory(text: string): number {
  const { template } = parseTemplate(text);
  return template === undefined ? 0 : findMemory(template, findProfile(template).profile).installer;
}

/** Makes a password that every system accepts: lower case, upper case, digits and a sign. */
function makePassword(): string {
  return `Aa1-${randomBytes(12).toString('base64url')}`;
}

function writeTemplate(system: FirstBuildSystem): string {
  const { id, name, version, install, replace, disk, packages, command, needsPassword } = system;
  return [
    `<!-- ${name} ${version}, written by "imagefactory init ${id}". Change what you like, and check it with`,
    `     "imagefactory validate ${id}.tdl". docs/tdl.md of imagefactory-nova describes the language. -->`,
    '<template>',
    `  <name>${id}</name>`,
    '  <os>',
    `    <name>${name}</name>`,
    `    <version>${version}</version>`,
    '    <arch>x86_64</arch>',
    ...(needsPassword === true ? [`    <rootpw>${makePassword()}</rootpw>`] : []),
    `    <install type='${install.type}'>`,
    ...(replace === undefined ? [] : [`      <!-- Replace this address. Write ${replace}. -->`]),
    `      <${install.type}>${install.address}</${install.type}>`,
    '    </install>',
    '  </os>',
    '  <disk>',
    `    <size>${disk}</size>`,
    '  </disk>',
    ...(packages.length === 0
      ? []
      : ['  <packages>', ...packages.map((one) => `    <package name='${one}'/>`), '  </packages>']),
    '  <commands>',
    `    <command name='greeting'>${command.replaceAll('>', '&gt;')}</command>`,
    '  </commands>',
    '</template>',
    '',
  ].join('\n');
}
