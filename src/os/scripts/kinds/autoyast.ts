import { findChild } from '../../../tdl/elements.js';
import { escapeXml } from '../../../tdl/escape-xml.js';
import { findPosition, Problems } from '../../../tdl/place.js';
import { parseForeignXml, type XmlElement } from '../../../tdl/xml.js';
import { serialConsole } from '../../common/architectures.js';
import { CONFIG_DRIVE, USER_DATA_URL } from '../../common/user-data.js';
import { isFrom } from '../../common/versions.js';
import type { CheckContext, Finding } from '../checks/finding.js';
import { writeKeyService, writeLastCommands } from '../stock-parts/shell.js';
import type { StockInput } from '../stock-parts/stock-input.js';
import { findRootName } from './lines.js';
import type { ScriptKind } from './script-kind.js';

/** The profile of AutoYaST. https://documentation.suse.com/sles/15-SP6/html/SLES-all/cha-autoyast-invocation.html */
export const autoyast: ScriptKind = {
  title: 'AutoYaST',
  name: 'an AutoYaST profile',
  matches: (text) => findRootName(text) === 'profile',
  check: checkAutoyast,
  writeStock: writeAutoyast,
  memory: { installer: 1024, system: 512 },
  configDrive: (line) => line.replace(USER_DATA_URL, `label://${CONFIG_DRIVE.label}${CONFIG_DRIVE.path}`),
  medium: { word: /(?:^|\s)autoyast=cd:\/(\S+)/ },
};

const HALT = '<halt config:type="boolean">true</halt><second_stage config:type="boolean">false</second_stage>';

/** Settings of `general/mode` that make YaST reboot although the profile has `<halt>`. */
const STRONGER = ['forceboot', 'rebootmsg'];

/**
 * Checks that an AutoYaST profile powers the machine off at its end: by `halt` in `general/mode`, after the first
 * stage. `final_halt` does not power the machine off at this point: YaST makes it an init script of the installed
 * system, which runs when that system boots for the first time. If the cloud boots the machine with the installer's
 * kernel (boot_method direct), the installed system does not boot: the installer boots again instead.
 * https://documentation.suse.com/sles/15-SP5/html/SLES-all/cha-configuration-installation-options.html
 */
function checkAutoyast(source: string, { bootMethod }: CheckContext): Finding[] {
  const text = source.replace(/\r\n?/g, '\n');
  const problems = new Problems(text);
  const root = parseForeignXml(text, problems);
  if (root === undefined) return problems.list();
  const report = (element: XmlElement, message: string, about?: Finding['about']): Finding[] => [
    { ...findPosition(text, element.at), message, ...(about === undefined ? {} : { about }) },
  ];
  if (root.name.replace(/^.*:/, '') !== 'profile') {
    return report(root, `this is not an AutoYaST profile: its root is <${root.name}>, not <profile>`);
  }
  const general = findChild(root, 'general');
  const mode = findChild(general, 'mode');
  const halt = findTrue(mode, ['halt']);
  if (halt !== undefined) {
    const stronger = findTrue(mode, STRONGER);
    if (stronger === undefined) return hasType(halt) ? [] : report(halt, NO_TYPE, 'warning');
    return report(stronger, `<${stronger.name}> makes YaST reboot in spite of <halt>: remove it`, 'ending');
  }
  const final = findTrue(mode, ['final_halt']);
  // With a stub disk, the installed system replaces the installer's boot loader. So the installed system boots next,
  // and `final_halt` halts it.
  if (final !== undefined && bootMethod === 'stub') return [];
  if (final !== undefined) return report(final, FINAL_HALT, 'ending');
  const reboot = findTrue(mode, ['final_reboot']);
  if (reboot !== undefined) {
    return report(reboot, `<final_reboot> reboots the machine: write ${HALT} instead`, 'ending');
  }
  const add = `add ${wrapHalt(mode, general)}`;
  const elsewhere = MORE.find(({ pattern }) => pattern.test(text));
  const why =
    elsewhere === undefined
      ? 'the installer does not power the machine off at the end'
      : `nothing here powers the machine off at the end, and this check cannot see ${elsewhere.what}`;
  return report(mode ?? general ?? root, `${why}: ${add}`, 'ending');
}

const NO_TYPE =
  '<halt> has no config:type="boolean": YaST before SLES 15 SP3 and Leap 15.3 takes it for a text, and reboots';

const FINAL_HALT = `<final_halt> halts the installed system when it boots for the first time: where the cloud gives the machine the installer's kernel (boot_method direct, usually the default), the installer boots again instead; write ${HALT}`;

/** The parts of a profile that may bring settings from elsewhere. */
const MORE = [
  { pattern: /\/tmp\/profile\/modified\.xml/, what: 'the profile that a script writes (modified.xml)' },
  { pattern: /<(classes|rules)[\s>]/, what: 'the settings from its classes and rules' },
  { pattern: /<ask-list[\s>]/, what: 'the settings from its questions' },
];

/** Finds the first setting in `names` that is true. */
function findTrue(mode: XmlElement | undefined, names: string[]): XmlElement | undefined {
  return names.map((name) => findChild(mode, name)).find((element) => element?.text.trim() === 'true');
}

/** Checks whether an element says that its value is a boolean, in AutoYaST's long or short form. */
function hasType({ attributes }: XmlElement): boolean {
  return [...attributes].some(([name, { value }]) => /^(.+:)?(type|t)$/.test(name) && value === 'boolean');
}

function wrapHalt(mode: XmlElement | undefined, general: XmlElement | undefined): string {
  if (mode !== undefined) return `${HALT} to <mode>`;
  if (general !== undefined) return `<mode>${HALT}</mode> to <general>`;
  return `<general><mode>${HALT}</mode></general> to the profile`;
}

const CLOUD_INIT_SERVICES = ['cloud-init-local', 'cloud-init', 'cloud-config', 'cloud-final'];

/** The parts of a release's medium that the stock script can use. */
interface MediumContents {
  cloudInit: boolean;
  /** Whether systemd manages the services: AutoYaST's section for services needs it. */
  systemd: boolean;
  /**
   * The modules that the profile must add, when the medium has modules in folders: SLES 15's medium with all packages
   * ("Full").
   */
  modules: string[];
}

function findMediumContents({ family, version }: StockInput['profile']): MediumContents {
  // cloud-init is in a module that SLES 12's medium lacks.
  if (family === 'sles' && !isFrom(version, '15')) return { cloudInit: false, systemd: true, modules: [] };
  if (family === 'sles') return { cloudInit: true, systemd: true, modules: ['Basesystem', 'Public-Cloud'] };
  const isTumbleweed = family === 'tumbleweed';
  // `version` is 14 for Leap 42.
  return {
    cloudInit: isTumbleweed || isFrom(version, '14'),
    systemd: isTumbleweed || isFrom(version, '13.1'),
    modules: [],
  };
}

/**
 * Writes the entry for a module that is beside the product on the medium.
 * https://documentation.suse.com/sles/15-SP7/html/SLES-all/cha-configuration-installation-options.html
 */
function writeAddOn(name: string): string {
  return `<listentry><media_url>relurl://</media_url><product>sle-module-${name.toLowerCase()}</product><product_dir>/Module-${name}</product_dir></listentry>`;
}

/**
 * Writes an AutoYaST profile for the smallest system that a cloud can use. https://doc.opensuse.org/projects/autoyast
 */
function writeAutoyast({ template, profile, diskLayout, user }: StockInput): string {
  const { rootpw, arch } = template.os;
  const { cloudInit, systemd, modules } = findMediumContents(profile);
  const packages = ['openssh', ...(cloudInit ? ['cloud-init'] : []), 'sudo', 'curl'];
  const services = ['sshd', ...(cloudInit ? CLOUD_INIT_SERVICES : [])];
  const commands = [
    ...(systemd ? [] : ['chkconfig sshd on']),
    ...(cloudInit ? [] : [writeKeyService(user, 'after.local')]),
    ...writeLastCommands(user),
  ];
  const password =
    rootpw === undefined || rootpw === ''
      ? '<encrypted config:type="boolean">true</encrypted><user_password>!</user_password>'
      : `<encrypted config:type="boolean">false</encrypted><user_password>${escapeXml(rootpw)}</user_password>`;
  const lvm = `<storage><proposal><lvm config:type="boolean">true</lvm></proposal></storage>`;
  return `<?xml version="1.0"?>
<!DOCTYPE profile>
<profile xmlns="http://www.suse.com/1.0/yast2ns" xmlns:config="http://www.suse.com/1.0/configns">
  <general>
    <mode>
      <confirm config:type="boolean">false</confirm>
      <second_stage config:type="boolean">false</second_stage>
      <halt config:type="boolean">true</halt>
    </mode>
    <signature-handling>
      <accept_unsigned_file config:type="boolean">true</accept_unsigned_file>
    </signature-handling>
    ${diskLayout === 'lvm' ? lvm : ''}
  </general>
  <bootloader>
    <global><append>console=tty0 console=${serialConsole(arch)}</append><timeout config:type="integer">1</timeout></global>
  </bootloader>
  <language><language>en_US</language></language>
  <keyboard><keymap>english-us</keymap></keyboard>
  <timezone><hwclock>UTC</hwclock><timezone>Etc/UTC</timezone></timezone>
  <networking>
    <interfaces config:type="list">
      <interface><bootproto>dhcp</bootproto><name>eth0</name><startmode>auto</startmode></interface>
    </interfaces>
  </networking>
  <software>
    ${modules.length > 0 ? '<products config:type="list"><product>SLES</product></products>' : ''}
    <patterns config:type="list"><pattern>base</pattern></patterns>
    <packages config:type="list">${packages.map((name) => `<package>${name}</package>`).join('')}</packages>
  </software>
  ${modules.length > 0 ? `<add-on><add_on_products config:type="list">${modules.map(writeAddOn).join('')}</add_on_products></add-on>` : ''}
  <firewall>
    <enable_firewall config:type="boolean">false</enable_firewall><start_firewall config:type="boolean">false</start_firewall>
  </firewall>
  ${
    systemd
      ? `<services-manager><services><enable config:type="list">${services.map((name) => `<service>${name}</service>`).join('')}</enable></services></services-manager>`
      : ''
  }
  <users config:type="list">
    <user><username>root</username>${password}</user>
  </users>
  <scripts>
    <chroot-scripts config:type="list">
      <script><chrooted config:type="boolean">true</chrooted><filename>imagefactory.sh</filename><source><![CDATA[#!/bin/sh
${commands.join('\n')}
]]></source></script>
    </chroot-scripts>
  </scripts>
</profile>
`;
}
