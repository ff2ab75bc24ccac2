import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maskPrivateKeys } from '../../../src/os/passwords/private-keys.js';
import { findSecrets } from '../../../src/planning/secrets.js';
import { createMasker } from '../../../src/planning/masker.js';

/** Scripts and commands with the password `Zq7xWort9`, arranged by the language that carries it. */
const PLACES: Record<string, readonly string[]> = {
  kickstart: [
    'autopart --encrypted --passphrase Zq7xWort9',
    'logvol / --name=root --passphrase="Zq7xWort9"',
    'realm join --one-time-password=Zq7xWort9 EXAMPLE',
    'authconfig --enableldap --ldapbindpw=Zq7xWort9',
    'rhsm --organization="1" --activation-key "Zq7xWort9"',
    'iscsi --user=u --password=Other9xWort --reverse-user=r --reverse-password=Zq7xWort9',
  ],
  preseed: [
    'd-i passwd/root-password \\\n   password Zq7xWort9',
    'd-i partman-iscsi/login/password string Zq7xWort9',
    'mysql-server mysql-server/root_password password Zq7xWort9',
    "d-i preseed/late_command string in-target sh -c 'echo root:Zq7xWort9 | chpasswd'",
  ],
  'autoinstall and cloud-config': [
    'identity:\n  "password" : "Zq7xWort9"',
    'identity:\n  ? password\n  : Zq7xWort9',
    'user-data:\n  chpasswd:\n    list: "root:Zq7xWort9"',
    'user-data:\n  rh_subscription:\n    activation-key: Zq7xWort9',
    'user-data:\n  landscape: {client: {registration_key: Zq7xWort9}}',
    'user-data:\n  chef: {validation_key: "Zq7xWort9"}',
    'storage:\n  config:\n    - {type: dm_crypt, key: "Zq7xWort9", volume: x}',
    'storage:\n  config:\n    - type: dm_crypt\n      key: Zq7xWort9',
    'auth:\n  client-key-password: Zq7xWort9',
    'write_files:\n  - path: /etc/wireguard/wg0.conf\n    content: |\n      [Interface]\n      PrivateKey = Zq7xWort9',
  ],
  AutoYaST: [
    '<ldap><bind_pw>Zq7xWort9</bind_pw></ldap>',
    '<partition><luks2_password>Zq7xWort9</luks2_password></partition>',
    '<interface><wireless_key_0>Zq7xWort9</wireless_key_0></interface>',
    '<iscsi-client><password_in>Zq7xWort9</password_in></iscsi-client>',
  ],
  Agama: ['{"root": {"hashedPassword": "Zq7xWort9"}}', '{"encryption": {"luks2": {"password": "Zq7xWort9"}}}'],
  'Windows’ answer files': [
    '<MachinePassword>Zq7xWort9</MachinePassword>',
    '<u:Password xmlns:u="urn"><u:Value>Zq7xWort9</u:Value></u:Password>',
    '<CommandLine>net user admin Zq7xWort9 /add</CommandLine>',
    '<CommandLine>cmd /c net.exe user "admin" "Zq7xWort9"</CommandLine>',
    "<CommandLine>powershell -Command ConvertTo-SecureString 'Zq7xWort9' -AsPlainText -Force</CommandLine>",
    '<CommandLine>Add-Computer -Credential x -Password Zq7xWort9</CommandLine>',
    '<Path>reg add HKLM\\X /v DefaultPassword /t REG_SZ /d Zq7xWort9 /f</Path>',
    '<Path>netdom join x /passwordd:Zq7xWort9</Path>',
    '<Path>schtasks /create /ru a /rp Zq7xWort9</Path>',
    '<Path>net use X: \\\\server\\share Zq7xWort9 /user:me</Path>',
    '<Path>cscript slmgr.vbs /ipk Zq7xWort9</Path>',
  ],
  'FreeBSD’s installerconfig': [
    'ZFSBOOT_GELI_PASSWORD=Zq7xWort9',
    'printf "%s" Zq7xWort9 | geli init -J - /dev/ada0p3',
  ],
  'variables and files of a shell': [
    'export DB_PASSWORD=Zq7xWort9',
    "MYSQL_PWD='Zq7xWort9' mysql -e x",
    'API_TOKEN="Zq7xWort9"',
    'PASS=Zq7xWort9\necho "root:$PASS" | chpasswd',
    'AWS_SECRET_ACCESS_KEY=Zq7xWort9 aws s3 ls',
    "echo '//s/m /m cifs username=a,password=Zq7xWort9,uid=0 0 0' >>/etc/fstab",
    'cat >/root/.my.cnf <<EOF\n[client]\npassword=Zq7xWort9\nEOF',
    'db = { "password" => "Zq7xWort9" }',
  ],
  'inputs of commands': [
    'passwd root <<EOF\nZq7xWort9\nZq7xWort9\nEOF',
    '(echo Zq7xWort9; echo Zq7xWort9) | passwd root',
    '{ echo "Zq7xWort9"; echo "Zq7xWort9"; } | smbpasswd -s -a me',
    'chpasswd < <(echo root:Zq7xWort9)',
    'yes Zq7xWort9 | passwd me',
    'echo Zq7xWort9 |\n  passwd --stdin root',
    'echo -n "Zq7xWort9" | cryptsetup luksFormat /dev/vdb -',
    'grub2-setpassword <<EOF\nZq7xWort9\nZq7xWort9\nEOF',
    'echo Zq7xWort9 | docker login --username me --password-stdin',
    'echo Zq7xWort9 | sudo -S true',
  ],
  'words of commands': [
    'curl -fsS -u me:Zq7xWort9 https://x',
    'curl --proxy-user "me:Zq7xWort9" https://x',
    'curl -H "Authorization: Bearer Zq7xWort9" https://x',
    "curl -H 'X-Auth-Token: Zq7xWort9' https://x",
    'wget --http-password=Zq7xWort9 https://x',
    'mysql -u root -pZq7xWort9 -e x',
    'htpasswd -bc /etc/htpasswd me Zq7xWort9',
    'usermod -p "$(openssl passwd -6 -salt ab \'Zq7xWort9\')" root',
    'mkpasswd -m sha-512 Zq7xWort9',
    'sshpass -p Zq7xWort9 ssh me@x',
    'ipa-client-install --principal admin -w Zq7xWort9',
    'net ads join -U admin%Zq7xWort9',
    'nmcli dev wifi connect x password Zq7xWort9',
    'docker login -u me -p Zq7xWort9',
    'aws configure set aws_secret_access_key Zq7xWort9',
    'python3 -c "import crypt; print(crypt.crypt(\'Zq7xWort9\'))"',
    'perl -e \'print crypt("Zq7xWort9", "ab")\'',
    "useradd -m --password 'Zq7xWort9' me",
  ],
};

/** Texts in which the words of secrets stand, and no secret. */
const HARMLESS = [
  'PasswordAuthentication no\nPermitRootLogin prohibit-password\n',
  'passwd:     files sss systemd\nshadow:     files\n',
  'password sufficient pam_unix.so sha512 shadow\n',
  '<component publicKeyToken="31bf3856ad364e35" language="neutral"/><settings pass="windowsPE"/>',
  'echo "root:$PASSWORD" | chpasswd; PASSWORD=$(cat /root/pw); TOKEN=${TOKEN}',
  'openssl passwd -6 "$PASSWORD"\nexport BYPASS=everything',
  'subscription-manager register --password-file /root/x --password --force\n',
  'tool --token-file=/etc/tool/token --passphrase-fd 0\n',
  'users:\n  - name: me\n    lock_passwd: false\n    passwd: null\n',
  "ssh-keygen -q -t rsa -N '' -f /etc/ssh/ssh_host_rsa_key",
  'd-i passwd/root-login boolean false\n',
  'xargs getent passwd | cut -d: -f1\n',
  'ldapsearch -s base -W uid=foo\nldapmodify -S modifyTimestamp',
  'mysql -h db -P3306 -e x',
];

function mask(script: string, text: string): string {
  return createMasker(findSecrets({ os: {} }, script)).mask(text);
}

describe('a password is masked where a script has it', () => {
  for (const [language, scripts] of Object.entries(PLACES)) {
    it(`in ${language}`, () => {
      for (const script of scripts) {
        assert.doesNotMatch(mask(script, '+ said Zq7xWort9 to you'), /Zq7xWort9/, script);
        assert.doesNotMatch(mask(script, JSON.stringify({ script })), /Zq7xWort9/, script);
      }
    });
  }

  it('with its spaces, when YAML needs no quotes for them', () => {
    const script = 'identity:\n  password: correct horse battery # note\n';
    assert.equal(mask(script, 'it is correct horse battery, and correct'), 'it is ********, and ********');
  });

  it('in a command and in a file of the template', () => {
    for (const script of [
      ...(PLACES['words of commands'] ?? []),
      ...(PLACES['variables and files of a shell'] ?? []),
    ]) {
      const secrets = findSecrets({ os: {}, commands: [{ content: { text: script } }] } as never);
      assert.doesNotMatch(createMasker(secrets).mask('+ said Zq7xWort9 to you'), /Zq7xWort9/, script);
    }
  });
});

describe('what is no password stays readable', () => {
  for (const text of HARMLESS) it(JSON.stringify(text), () => assert.deepEqual(findSecrets({ os: {} }, text), []));
});

describe('the search for passwords', () => {
  it('takes time in proportion to the length of the text', () => {
    const began = Date.now();
    for (const piece of Object.values(PLACES).flat()) findSecrets({ os: {} }, piece.slice(0, 24).repeat(5000));
    for (const [begin, piece] of [
      ['a', '1'],
      ['x_', '1_'],
      ['', 'ipa-'],
      ['openssl passwd', ' -salt'],
      ['mkpasswd', ' -mx'],
      ['ldap', 'ldap -w'],
      ['-----BEGIN PRIVATE KEY-----\n', 'QUJD'],
    ] as const) {
      const text = begin + piece.repeat(16_000);
      for (const script of [`${text}x=y`, `<${text}x>`, `--${text}x y`])
        maskPrivateKeys(script + findSecrets({ os: {} }, script).join());
    }
    // All together take some seconds. If the time grew with the square of the length, they would take hours.
    assert.ok(Date.now() - began < 120_000);
  });
});

describe('a private key', () => {
  const BODY = 'MIIEpAIBAAKCAQEA7zq\nq8Jf+/x0y1==\n';
  const END = '-----END RSA PRIVATE KEY-----';

  it('is masked in every text, with its line breaks as they are or escaped', () => {
    for (const body of [BODY, BODY.replaceAll('\n', '\\n'), `Proc-Type: 4,ENCRYPTED\n\n${BODY}`]) {
      const text = maskPrivateKeys(`a\n-----BEGIN RSA PRIVATE KEY-----\n${body}${END}\nb`);
      assert.equal(text, `a\n-----BEGIN RSA PRIVATE KEY-----********${END}\nb`);
    }
  });

  it('is masked as far as it goes when its end was cut off', () => {
    assert.equal(maskPrivateKeys('-----BEGIN PRIVATE KEY-----\nMIIEpAIB'), '-----BEGIN PRIVATE KEY-----********');
  });

  it('is not confused with a public key', () => {
    const text = '-----BEGIN PUBLIC KEY-----\nMIIEpAIB\n-----END PUBLIC KEY-----';
    assert.equal(maskPrivateKeys(text), text);
  });
});
