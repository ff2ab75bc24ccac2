/*
 * Where the installers' script languages have passwords, by their own manuals: kickstart's commands
 * (https://pykickstart.readthedocs.io), debconf's questions of type `password`, AutoYaST's elements and those of Windows, cloud-config's and
 * autoinstall's keys. The first group is the password.
 */
const PLACES: RegExp[] = [
  // rootpw [options] PASSWORD; sshpw --username=NAME [options] PASSWORD
  /^[ \t]*(?:rootpw|sshpw)(?:[ \t]+--\S+)*[ \t]+("[^"\n]*"|'[^'\n]*'|[^-\s]\S*)/gm,
  // user, bootloader, part, autopart, logvol, raid, vnc, realm, …
  /[ \t]--(?:password|passphrase|md5pass|one-time-password)(?:=|[ \t]+)("[^"\n]*"|'[^'\n]*'|[^-\s]\S*)/gm,
  // OWNER QUESTION password VALUE; a WEP key is of type string
  /^[ \t]*[\w.-]+[ \t]+\S+[ \t]+password[ \t]+(\S.*?)[ \t\r]*$/gm,
  /^[ \t]*[\w.-]+[ \t]+\S*(?:password-crypted|wireless_wep|wireless_wpa)[ \t]+string[ \t]+(\S.*?)[ \t\r]*$/gm,
  /<(?:user_password|password|passphrase|crypt_key|reg_code)\b[^>]*>([^<]+)</g,
  // Windows' answer file: accounts, the automatic logon and the product key.
  /<(?:AdministratorPassword|Password)>\s*<Value>([^<]+)</g,
  /<ProductKey>\s*(?:<Key>\s*)?([^<\s]+)\s*</g,
  // RHEL 5's installation number
  /^[ \t]*key[ \t]+(\w[\w-]{3,})[ \t\r]*$/gm,
  /^[ \t-]*["']?(?:password|passwd|hashed_passwd|hashed-password|plain_text_passwd|passphrase)["']?:[ \t]+("[^"\n]*"|'[^'\n]*'|[^\s#|>&*{[]\S*)/gm,
  // echo user:password | chpasswd, in whatever shell
  /\becho[ \t]+(?:-\w+[ \t]+)*["']?[\w.-]+:([^"'\s|]+)["']?[ \t]*\|[^\n|]*\bchpasswd/g,
];

/** What stands where a password could, and is none: locked accounts, and questions answered with nothing. */
const NO_PASSWORD = /^(?:[!*x]+|true|false|yes|no|none|null)?$/i;

/** The passwords and password hashes that an install script obviously carries, quotes taken off; each once. */
export function scriptPasswords(script: string): string[] {
  const found = new Set<string>();
  for (const place of PLACES) {
    for (const [, given = ''] of script.matchAll(place)) {
      const password = given.trim().replace(/^(["'])(.*)\1$/, '$2');
      if (!NO_PASSWORD.test(password)) found.add(password);
    }
  }
  return [...found];
}
