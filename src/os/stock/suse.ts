import { lastCommands } from './shell.js';
import type { StockInput } from './types.js';

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** A text of an element of XML. */
export function xml(text: string): string {
  return text.replace(/[&<>]/g, (character) => ESCAPES[character] ?? character);
}

/** An AutoYaST profile for the smallest system that a cloud can use. https://doc.opensuse.org/projects/autoyast */
export function stockAutoyast({ template, profile, diskLayout, user }: StockInput): string {
  const { rootpw } = template.os;
  const [major = 0] = profile.version;
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
    <global><append>console=tty0 console=ttyS0,115200n8</append><timeout config:type="integer">1</timeout></global>
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
    ${profile.family === 'sles' && major >= 15 ? '<products config:type="list"><product>SLES</product></products>' : ''}
    <patterns config:type="list"><pattern>base</pattern></patterns>
    <packages config:type="list">
      <package>openssh</package><package>cloud-init</package><package>sudo</package><package>curl</package>
    </packages>
  </software>
  <services-manager>
    <services><enable config:type="list">
      <service>sshd</service><service>cloud-init-local</service><service>cloud-init</service><service>cloud-config</service><service>cloud-final</service>
    </enable></services>
  </services-manager>
  <users config:type="list">
    <user><username>root</username>${password}</user>
  </users>
  <scripts>
    <chroot-scripts config:type="list">
      <script><chrooted config:type="boolean">true</chrooted><filename>imagefactory.sh</filename><source><![CDATA[#!/bin/sh
${lastCommands(user).join('\n')}
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
      ...(rootpw === undefined || rootpw === '' ? {} : { root: { password: rootpw, hashedPassword: false } }),
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
