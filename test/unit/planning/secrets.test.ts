import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { maskRecord, findSecrets, findReadableSecrets } from '../../../src/planning/secrets.js';
import { createMasker } from '../../../src/planning/masker.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import { FAMILIES, findProfile } from '../../../src/os/registry.js';
import { findScriptPasswords } from '../../../src/os/passwords/script-passwords.js';
import { writeStockScript } from '../../../src/os/scripts/stock-script.js';
import { mediumTemplateOf, templateOf } from '../os/templates.js';

function mask(text: string, secrets: string[]): string {
  return createMasker(secrets).mask(text);
}

/** Returns the masked record of a build as JSON. */
function kept(template: string, script: string): string {
  const record = {
    template,
    parameters: { install_script: script },
    status_detail: { activity: '', error: null },
  } as unknown as BuildRecord;
  const once = maskRecord(record);
  // At the end of a build, the record is read, masked and written again, so masking must not change a masked record.
  assert.deepEqual(maskRecord(once), once);
  return JSON.stringify(once);
}

describe('the passwords of an install script', () => {
  for (const [what, script, passwords] of [
    ['kickstart', 'rootpw hush\nuser --name=me --password=hush2 --plaintext\n', ['hush', 'hush2']],
    [
      'kickstart, with options',
      'rootpw --iscrypted $6$salt$hash\nrootpw --allow-ssh "two words"',
      ['$6$salt$hash', 'two words'],
    ],
    [
      'kickstart, of disks and boot loader',
      'bootloader --password=grub\npart / --encrypted --passphrase=luks\n',
      ['grub', 'luks'],
    ],
    ['kickstart, with root locked', 'rootpw --lock\nrootpw !!\n', []],
    ['preseed', 'd-i passwd/root-password password r00t\nd-i passwd/root-password-again password r00t\n', ['r00t']],
    ['preseed, crypted', 'd-i passwd/user-password-crypted password $1$a$b\n', ['$1$a$b']],
    ['preseed, of another owner', 'grub-pc grub2/password password secret word \n', ['secret word']],
    ['kickstart, an installation number', 'key --skip\nkey 49af89414d147589\n', ['49af89414d147589']],
    [
      'Windows',
      '<AdministratorPassword><Value>hush</Value></AdministratorPassword><ProductKey><Key>AAAAA-BBBBB</Key></ProductKey>',
      ['hush', 'AAAAA-BBBBB'],
    ],
    ['Windows, installed', '<ProductKey>AAAAA-BBBBB</ProductKey>', ['AAAAA-BBBBB']],
    ['AutoYaST', '<user><user_password>yast</user_password></user>', ['yast']],
    ['autoinstall', 'identity:\n  password: "$6$x$y"\n  username: me\n', ['$6$x$y']],
    [
      'YAML, as a block, and with an anchor or a tag',
      'a:\n  password: |-\n    hush one\n  passwd: &a hush2\n  passphrase: !!str "hush3"\n  token: &b !!str >\n   hush4\n',
      ['hush2', 'hush3', 'hush one', 'hush4'],
    ],
    [
      'YAML, in quotes over several lines, at the beginning of a line too',
      "a:\n  passwd: \"first part\nsecond-part\n\n   third\\\n  joined\"\n  hashed_passwd:\n   'it''s\ncol0'\n",
      [
        '"first',
        'first part second-part\nthirdjoined',
        'first part',
        'second-part',
        'third\\',
        'joined',
        "it's col0",
        "it''s",
        'col0',
      ],
    ],
    [
      'YAML, on the line behind the key',
      'a:\n  password:\n    hush\n  passwd:\n    "hush2"\n  token:\n    key: x\n',
      ['hush', 'hush2'],
    ],
    ['YAML, with what looks like a tag', 'password: !hush\n', ['!hush']],
    ['cloud-config', 'users:\n- name: x\n  plain_text_passwd: hush # note\n', ['hush']],
    ['a shell', '%post\necho "root:hush" | chpasswd\n%end', ['hush']],
    ['kickstart, with quotes in quotes', 'rootpw --plaintext "a\\"b-hush"\n', ['a"b-hush', 'a\\"b-hush']],
    ['Agama, on one line', '{ "root": { "password": "a\\"b-hush", "x": 1 } }', ['a"b-hush', 'a\\"b-hush']],
    [
      'auto_inst',
      `'superuser' => { 'pw' => '$1$a$b', "password" => "two words" },\n{ 'password' => 'it\\'s' }, { 'pw' => '' }`,
      ['$1$a$b', 'two words', "it's", "it\\'s"],
    ],
    [
      'passwd --stdin',
      'echo hush | passwd --stdin root\nprintf "two words" | chroot /mnt passwd root --stdin',
      ['hush', 'two words'],
    ],
    ['passwd, asked twice', 'echo -e "hush\\nhush" | passwd root', ['hush']],
    [
      'printf to chpasswd',
      "printf 'root:hush' | chpasswd\nprintf 'root:hush2\\n' | /usr/sbin/chpasswd -e",
      ['hush', 'hush2'],
    ],
    ['printf with a format to chpasswd', "printf '%s\\n' 'root:hush' me:hush2 | chpasswd", ['hush', 'hush2']],
    ['printf with a user and a format', "printf 'root:%s\\n' hush | chpasswd", ['hush']],
    ['several to chpasswd', 'echo "root:hush\\nme:hush2" | chpasswd', ['hush', 'hush2']],
    [
      'a here-document of chpasswd',
      "%post\nchpasswd -e <<'EOF'\nroot:hush\n  me:a:b c\nEOF\necho x:y\n",
      ['hush', 'a:b c'],
    ],
    ['a here-document before chpasswd', 'cat <<-END | chpasswd\n\troot:hush\n\tEND\n', ['hush']],
    ['here-strings', 'chpasswd <<< "root:hush"\npasswd --stdin root <<<hush2\n', ['hush', 'hush2']],
    ['pw', "echo hush | pw usermod root -h 0\nprintf '%s\\n' '$1$a$b' | pw useradd me -H 0", ['hush', '$1$a$b']],
    [
      'useradd and usermod',
      "useradd -m -p '$6$a$b' me\nusermod -p \\$1\\$a\\$b root\nuseradd -rmp $5$a me",
      ['$6$a$b', '$1$a$b', '\\$1\\$a\\$b', '$5$a'],
    ],
    ['a shell, with a quote', "echo 'it'\\''s-hush' | passwd --stdin root", ["it's-hush", "it'\\''s-hush"]],
    ['a shell, with quotes of both kinds', `echo 'root:it'"'"'s-hush' | chpasswd`, ["it's-hush", `it'"'"'s-hush`]],
    ['a shell in a shell', "in-target sh -c 'printf '\\''%s\\n'\\'' '\\''root:hush'\\'' | chpasswd'", ['hush']],
    ['a shell in JSON', '{ "content": "#!/bin/sh\\necho \\"root:hush\\" | chpasswd\\n" }', ['hush']],
    [
      'a shell that prints other things',
      'echo hush | grep x\necho root:hush >/etc/issue\necho a | xargs getent passwd',
      [],
    ],
    ['debconf-set-selections', 'echo "popcon q/password password hush" | debconf-set-selections', ['hush']],
    ['sshpw with its user apart', 'sshpw --username me hush --plaintext', ['hush']],
    [
      'keys of networks and registrations',
      'network --wpakey=hush --essid=x\niscsi --user=u --reverse-password=hush2\nrhsm --organization="1" --activation-key="hush3"',
      ['hush', 'hush2', 'hush3'],
    ],
    ['Agama’s registration', '{"product":{"id":"SLES","registrationCode":"hush"}}', ['hush']],
    ['Ubuntu Pro', 'autoinstall:\n  ubuntu-pro:\n    token: hush\n', ['hush']],
    [
      'cloud-config’s users',
      '#cloud-config\nchpasswd:\n  expire: false\n  users:\n    - {name: root, password: hush, type: text}\nusers: [{name: a, passwd: hush2}]\n',
      ['hush', 'hush2'],
    ],
    [
      'cloud-config’s lists',
      '#cloud-config\nchpasswd:\n  list: |\n    root:hush\n    me:hush2\n  expire: false\nchpasswd:\n  list:\n    - "a:hush3"\n',
      ['hush', 'hush2', 'hush3'],
    ],
    [
      'AutoYaST, as CDATA and of VNC',
      '<user_password><![CDATA[hush]]></user_password><vnc_password>hush2</vnc_password>',
      ['hush', 'hush2'],
    ],
    [
      'Windows, with other elements or white space first',
      '<AdministratorPassword><PlainText>true</PlainText>\n<Value>hush</Value></AdministratorPassword><Credentials><Password> hush2</Password></Credentials><ProductKey><WillShowUI>OnError</WillShowUI><Key>hush3</Key></ProductKey>',
      ['hush', 'hush2', 'hush3'],
    ],
    [
      'AutoYaST, of a wireless network, the boot loader and with references',
      `<profile><interface><wireless_wpa_psk>Secr3t-wpa</wireless_wpa_psk></interface>
        <bootloader><global><password><!-- x --><value>Secr3t-grub</value><encrypted config:type="boolean">false</encrypted></password></global></bootloader>
        <user><user_password>Secr3t&amp;root</user_password></user>
        <password t="string"> a&#98;<![CDATA[<c>]]> </password></profile>`,
      ['Secr3t-wpa', 'Secr3t-grub', 'Secr3t&amp;root', 'a&#98;<c>', 'a&#98;<![CDATA[<c>]]>'],
    ],
    [
      'XML that is not well-formed, as far as it goes',
      '<a><password><value>one-two</value></password><user_password>th&gt;ree</user_password><b',
      ['one-two', 'th&gt;ree'],
    ],
    [
      'preseed, of wireless networks and boot loaders',
      `d-i netcfg/wireless_wpa string wpa-1
d-i netcfg/wireless_wpa_psk string wpa-2
d-i netcfg/wireless_wep string s:wep-3
d-i grub-installer/password password grub-4
d-i grub-installer/password-crypted string $1$grub
d-i lilo-installer/password password lilo-5
`,
      ['grub-4', 'lilo-5', 'wpa-1', 'wpa-2', 's:wep-3', '$1$grub'],
    ],
    [
      'the boot loader, in shell commands',
      "%post\nprintf 'set superusers=\"root\"\npassword_pbkdf2 root grub.pbkdf2.sha512.10000.AB.CD\n' >>/etc/grub.d/40_custom\necho 'password --md5 $1$x$y' >>/boot/grub/grub.conf\n",
      ['grub.pbkdf2.sha512.10000.AB.CD', '$1$x$y'],
    ],
    [
      'kickstart, of subscription manager and of Satellite',
      'rhsm --organization=1 --activation-key=k-123456 --proxy-password=hush\n%post\nsubscription-manager register --username=u --password=hush2 --proxypassword hush3\n',
      ['k-123456', 'hush', 'hush2', 'hush3'],
    ],
    ['a script that begins with a byte order mark', '\uFEFFrootpw hush', ['hush']],
    ['none', 'd-i passwd/make-user boolean false\nd-i debian-installer/exit/poweroff boolean true\n', []],
  ] as const) {
    it(`are found: ${what}`, () => assert.deepEqual(findScriptPasswords(script), passwords));
  }
});

describe('the passwords of addresses', () => {
  it('are found encoded and decoded, in templates and scripts', () => {
    const repositories = [{ url: 'deb http://me:p%40ss@mirror.example.org/debian bookworm main' }];
    const template = { os: {}, repositories, commands: [{ content: { text: 'curl https://x:two@three@host/file' } }] };
    assert.deepEqual(findSecrets(template, 'd-i mirror/http/proxy string http://u:proxy@host:8080\n'), [
      'proxy',
      'p%40ss',
      'p@ss',
      'two@three',
    ]);
  });

  it('are found for a proxy without a scheme, and masked there', () => {
    const script = `url --url=http://mirror/os --proxy=user:Secr3t-proxy@proxy.example.org:3128
rhsm --organization=1 --proxy="user:Secr3t-rhsm@proxy.example.org:3128"
repo --name=x --proxy user:Secr3t@repo@proxy
export https_proxy=u:Secr3t-shell@proxy:1
liveimg --proxy=http://u:Secr3t-url@proxy
`;
    assert.deepEqual(findSecrets({ os: {} }, script), [
      'Secr3t-url',
      'Secr3t-proxy',
      'Secr3t-rhsm',
      'Secr3t@repo',
      'Secr3t-shell',
    ]);
    assert.doesNotMatch(mask(script, []), /Secr3t/);
    const template = { os: { rootpw: '', kernelparam: 'inst.proxy=user:Secr3t-boot@proxy:3128 quiet' } };
    assert.deepEqual(findSecrets(template), ['Secr3t-boot']);
    for (const text of ['--proxy=http://host:8080', '--proxy=host:8080 a@b', 'proxy=none', 'proxy user: me@host'])
      assert.deepEqual(findSecrets({ os: {} }, text), [], text);
  });

  it('are not confused with ports, paths and users', () => {
    for (const text of ['http://host:8080/a@b', 'ssh://git@host/x', 'http://host/?q=a:b@c', 'mail a:b@c'])
      assert.deepEqual(findSecrets({ os: {} }, text), [], text);
  });

  it('are found in a long text in a time that grows linearly with the length of the text', () => {
    const began = Date.now();
    findSecrets({ os: {} }, 'a'.repeat(2_000_000));
    for (const piece of [
      'echo ',
      "echo '",
      '<password>',
      '<a ',
      '<!--',
      '<![CDATA[',
      '</a',
      'password: &a !b ',
      'proxy=a:',
      'chpasswd <<A ',
      'chpasswd <<A\n',
      'useradd -p ',
      'passwd <',
    ])
      findSecrets({ os: {} }, piece.repeat(10_000));
    // The search takes 0.2 s. If the time grew with the square of the length, the search would take hours.
    assert.ok(Date.now() - began < 30_000);
  });

  it('are hidden with all texts of the record, in little time, when they exceed the limits', () => {
    const began = Date.now();
    const apostrophes = "'".repeat(900_000);
    const text = kept(`<template><os><rootpw>${apostrophes}</rootpw></os></template>`, 'rootpw hush\n');
    assert.doesNotMatch(text, /hush|'/);
    assert.match(text, /hidden: the build has a password of more than 4096 characters/);
    // An earlier masker searched for all written forms of a password. It needed minutes and gigabytes here.
    assert.ok(Date.now() - began < 30_000);
  });

  it('are masked in time that grows linearly when a record has many elements without an end', () => {
    const began = Date.now();
    for (const piece of ['<key>', '<rootpw', '<key></key', '<key ', '<key></key  ']) kept(piece.repeat(200_000), '');
    assert.ok(Date.now() - began < 30_000);
  });
});

describe('masking', () => {
  it('covers what AutoYaST writes with references, when a program prints it without', () => {
    const secrets = findSecrets({ os: {} }, '<profile><user_password>Secr3t&amp;root</user_password></profile>');
    assert.equal(mask('<a>Secr3t&amp;root</a> Secr3t&root', secrets), '<a>********</a> ********');
  });

  it('masks longer secrets first, and does not mask secrets that are too short', () => {
    assert.equal(mask('hush hushhush abc', ['hush', 'hushhush', 'abc']), '******** ******** abc');
  });

  it('includes the product key of a template', () => {
    assert.deepEqual(findSecrets({ os: { rootpw: 'hush', key: ' AAAAA-BBBBB ' } }), ['hush', 'AAAAA-BBBBB']);
    const record = {
      template: '<os><rootpw>hush</rootpw><key>AAAAA-BBBBB</key></os><commands>echo AAAAA-BBBBB</commands>',
      parameters: {},
      status_detail: { activity: '', error: null },
    } as unknown as BuildRecord;
    assert.equal(
      maskRecord(record).template,
      '<os><rootpw>********</rootpw><key>********</key></os><commands>echo ********</commands>',
    );
    assert.match(findReadableSecrets({ os: { key: 'AAAAA-BBBBB' } }).join(), /^the template carries a product key/);
  });

  it('leaves no password in a record, also not in the error of the record', () => {
    const record = {
      template:
        '<template><os><rootpw> r&amp;b </rootpw></os><commands>echo r&amp;b; curl http://u:word@h/</commands></template>',
      parameters: {
        flavor: 'm1',
        default_user: 'hush',
        drivers_iso: 'https://bob:Dr1vers@h/virtio.iso',
        install_script: 'rootpw hush\necho hush',
      },
      status_detail: { activity: '', error: 'it printed hush, Dr1vers' },
    } as unknown as BuildRecord;
    const text = JSON.stringify(maskRecord(record));
    assert.doesNotMatch(text.replace('"default_user":"hush"', ''), /hush|r&amp;b|word@|Dr1vers/);
    assert.match(text, /http:\/\/u:\*{8}@h\//);
    assert.match(text, /<rootpw>\*{8}<\/rootpw>/);
    assert.match(text, /rootpw \*{8}/);
    assert.match(text, /"flavor":"m1","default_user":"hush"/);
    assert.match(text, /https:\/\/bob:\*{8}@h\/virtio\.iso/);
  });
});

describe('the fragment of a template that a target image brings', () => {
  it('has its passwords masked, in the record and in its error', () => {
    const fragment = "<commands><command name='a'>echo 'root:Hush-1234' | chpasswd</command></commands>";
    const record = {
      template: '',
      parameters: { target_content: fragment, compression: 'none' },
      status_detail: { activity: '', error: 'it printed Hush-1234' },
    } as unknown as BuildRecord;
    const masked = maskRecord(record);
    assert.doesNotMatch(JSON.stringify(masked), /Hush/);
    assert.equal(masked.parameters['compression'], 'none');
  });
});

describe('the secret elements of a template that cannot be read', () => {
  for (const element of ['<rootpw a="<">hush</rootpw>', '<rootpw>a</rootpwx hush</rootpw >', '<key><key>hush</key>'])
    it(`are masked to their end: ${element}`, () => assert.doesNotMatch(kept(element, ''), /hush/));
});

describe('the root password of a template', () => {
  const PASSWORDS = [
    { element: '<![CDATA[Hunter-two2]]>', rootpw: 'Hunter-two2', trace: /Hunter|two2/ },
    { element: 'Tom&amp;Jerry1', rootpw: 'Tom&Jerry1', trace: /Tom|Jerry1/ },
    { element: "it's-Secret1", rootpw: "it's-Secret1", trace: /Secret1/ },
    { element: '<![CDATA[Q1w"\\$`\'<&>Zebra9]]>', rootpw: 'Q1w"\\$`\'<&>Zebra9', trace: /Q1w|Zebra9/ },
  ];
  const tdl = (element: string, rest = ''): string =>
    `<template><name>t</name><os><name>Debian</name><version>12</version><arch>x86_64</arch><install type='url'><url>http://x.example.org/</url></install><rootpw>${element}</rootpw></os>${rest}</template>`;
  const extras = [{ kind: 'file' as const, source: 'http://x.example.org/OpenSSH-Win64-v9.msi', destination: '/' }];

  for (const { title, names, releases } of FAMILIES) {
    it(`is in no record of a stock script: ${title}`, () => {
      for (const { to, arches, installTypes } of releases.filter((release) => release.installTypes.length > 0)) {
        for (const { element, rootpw, trace } of PASSWORDS) {
          const byTree = installTypes.includes('url');
          const template = (byTree ? templateOf : mediumTemplateOf)(names[0] ?? '', to === '9999' ? 'any' : to, {
            arch: arches[0] ?? 'x86_64',
            rootpw,
            install: byTree
              ? { type: 'url', url: 'http://x.example.org/a.iso', extras: [] }
              : { type: 'iso', iso: 'http://x.example.org/a.iso', extras },
          });
          const { profile } = findProfile(template);
          const user = title === 'Windows' ? 'Administrator' : 'root';
          const script = writeStockScript({ template, profile, diskLayout: 'plain', user });
          assert.match(script, trace);
          assert.doesNotMatch(kept(tdl(element), script), trace);
          assert.doesNotMatch(mask(script, findSecrets(template)), trace);
        }
      }
    });
  }

  it('is masked in every quoting of shell, XML, JSON, YAML and Perl', () => {
    const rootpw = 'it\'s<&>"Secret1';
    const shell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
    const xml = (text: string): string =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
    for (const written of [
      rootpw,
      shell(rootpw),
      shell(shell(rootpw)),
      xml(rootpw),
      xml(shell(rootpw)),
      JSON.stringify(rootpw),
      JSON.stringify(shell(shell(rootpw))),
      stringify({ a: shell(rootpw) }),
      `'${rootpw.replace(/[\\']/g, '\\$&')}'`,
      `"${rootpw.replace(/["\\$`]/g, '\\$&')}"`,
      shell(`"${rootpw.replace(/["\\$`]/g, '\\$&')}"`),
    ]) {
      assert.doesNotMatch(mask(`x ${written} y`, [rootpw]), /Secret1|it/, written);
    }
  });

  it('is masked elsewhere in the template, also with another encoding', () => {
    const command = (text: string): string => `<commands><command name='a'>${text}</command></commands>`;
    const text = kept(tdl('<![CDATA[Tom&Jerry1]]>', command('use Tom&amp;Jerry1')), '');
    assert.doesNotMatch(text, /Jerry1/);
    assert.match(text, /<rootpw>\*{8}<\/rootpw>/);
    assert.doesNotMatch(kept(tdl('<![CDATA[a</rootpw>Jerry1]]>'), ''), /Jerry1/);
  });

  it('is masked in a record whose template has mistakes', () => {
    assert.doesNotMatch(kept('<template><os><rootpw>Jerry1</rootpw>', 'use Jerry1'), /Jerry1/);
  });

  it('is not masked in any encoding when it is too short', () => {
    assert.equal(mask('a&b a&amp;b', ['a&b']), 'a&b a&amp;b');
  });

  it('is found with and without the white space around it', () => {
    assert.deepEqual(findSecrets({ os: { rootpw: ' hush ' } }), [' hush ', 'hush']);
  });
});

describe('a warning of secrets', () => {
  it('names the template or the script that has the secret', () => {
    assert.match(findReadableSecrets({ os: { rootpw: 'x' } }).join(), /^the template carries a root password/);
    const address = { os: {}, repositories: [{ url: 'http://u:word@h/' }] };
    assert.match(findReadableSecrets(address).join(), /^the template carries a password in a URL/);
    assert.match(findReadableSecrets({ os: {} }, 'rootpw hush').join(), /^the install script carries a password/);
    assert.deepEqual(findReadableSecrets({ os: {} }, 'poweroff'), []);
  });
});
