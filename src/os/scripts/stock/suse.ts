import { serialConsole } from '../../installer/installer-plan.js';
import { isFrom } from '../../versions.js';
import { keyAtBoot, lastCommands } from './shell.js';
import type { StockInput } from './types.js';

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** A text of an element of XML. */
export function xml(text: string): string {
  return text.replace(/[&<>]/g, (character) => ESCAPES[character] ?? character);
}

const CLOUD_INIT_SERVICES = ['cloud-init-local', 'cloud-init', 'cloud-config', 'cloud-final'];

/** What a release's medium has. */
interface Medium {
  cloudInit: boolean;
  /** Whether services are systemd's, which AutoYaST's section for them wants. */
  systemd: boolean;
  /** Of a medium in modules those that are needed, in their folders: SLES 15's with all packages ("Full"). */
  modules: string[];
}

function mediumOf({ family, version }: StockInput['profile']): Medium {
  // cloud-init is in a module that is no part of SLES 12's medium.
  if (family === 'sles' && !isFrom(version, '15')) return { cloudInit: false, systemd: true, modules: [] };
  if (family === 'sles') return { cloudInit: true, systemd: true, modules: ['Basesystem', 'Public-Cloud'] };
  const isTumbleweed = family === 'tumbleweed';
  // Leap 42 counts as 14.
  return {
    cloudInit: isTumbleweed || isFrom(version, '14'),
    systemd: isTumbleweed || isFrom(version, '13.1'),
    modules: [],
  };
}

/** A module that lies beside the product. https://documentation.suse.com/sles/15-SP7/html/SLES-all/cha-configuration-installation-options.html */
function addOn(name: string): string {
  return `<listentry><media_url>relurl://</media_url><product>sle-module-${name.toLowerCase()}</product><product_dir>/Module-${name}</product_dir></listentry>`;
}

/** An AutoYaST profile for the smallest system that a cloud can use. https://doc.opensuse.org/projects/autoyast */
export function stockAutoyast({ template, profile, diskLayout, user }: StockInput): string {
  const { rootpw, arch } = template.os;
  const { cloudInit, systemd, modules } = mediumOf(profile);
  const packages = ['openssh', ...(cloudInit ? ['cloud-init'] : []), 'sudo', 'curl'];
  const services = ['sshd', ...(cloudInit ? CLOUD_INIT_SERVICES : [])];
  const commands = [
    ...(systemd ? [] : ['chkconfig sshd on']),
    ...(cloudInit ? [] : [keyAtBoot(user, 'after.local')]),
    ...lastCommands(user),
  ];
  const password =
    rootpw === undefined || rootpw === ''
      ? '<encrypted config:type="boolean">true</encrypted><user_password>!</user_password>'
      : `<encrypted config:type="boolean">false</encrypted><user_password>${xml(rootpw)}</user_password>`;
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
  ${modules.length > 0 ? `<add-on><add_on_products config:type="list">${modules.map(addOn).join('')}</add_on_products></add-on>` : ''}
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

/** An Agama profile for the same. https://agama-project.github.io/docs/user/unattended */
export function stockAgama({ template, profile, diskLayout, user }: StockInput): string {
  const { rootpw } = template.os;
  return `${JSON.stringify(
    {
      product: { id: profile.family === 'sles' ? 'SLES' : 'openSUSE_Leap' },
      localization: { language: 'en_US.UTF-8', keyboard: 'us', timezone: 'Etc/UTC' },
      // Agama installs nothing when it is told of nobody who may log in: a hash that is none locks root's.
      root:
        rootpw === undefined || rootpw === ''
          ? { password: '*', hashedPassword: true }
          : { password: rootpw, hashedPassword: false },
      software: { packages: ['openssh-server', 'cloud-init', 'sudo', 'curl'] },
      storage:
        diskLayout === 'lvm'
          ? {
              drives: [{ alias: 'disk', partitions: [{ search: '*', delete: true }] }],
              volumeGroups: [
                {
                  name: 'system',
                  physicalVolumes: [{ generate: ['disk'] }],
                  logicalVolumes: [{ generate: 'default' }],
                },
              ],
            }
          : { drives: [{ partitions: [{ search: '*', delete: true }, { generate: 'default' }] }] },
      scripts: {
        post: [
          {
            name: 'imagefactory.sh',
            chroot: true,
            content: `#!/bin/sh\nsystemctl enable sshd cloud-init-local cloud-init cloud-config cloud-final || true\n${lastCommands(user).join('\n')}\n`,
          },
        ],
      },
    },
    undefined,
    2,
  )}\n`;
}
