import { shellPasswords } from './shell-passwords.js';

/*
 * Where the installers' script languages have passwords, by their own manuals: kickstart's commands
 * (https://pykickstart.readthedocs.io), debconf's questions of type `password`, AutoYaST's elements and those of Windows, cloud-config's and
 * autoinstall's keys, auto_inst's. The first group is the password.
 */
const PLACES: RegExp[] = [
  // rootpw [options] PASSWORD; sshpw --username=NAME [options] PASSWORD
  /^[ \t]*(?:rootpw|sshpw)(?:[ \t]+--\S+)*[ \t]+("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^-\s]\S*)/gm,
  // user, bootloader, part, autopart, logvol, raid, vnc, realm, …
  /[ \t]--(?:password|passphrase|md5pass|one-time-password)(?:=|[ \t]+)("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^-\s]\S*)/gm,
  // OWNER QUESTION password VALUE; a WEP key is of type string
  /^[ \t]*[\w.-]+[ \t]+\S+[ \t]+password[ \t]+(\S.*?)[ \t\r]*$/gm,
  /^[ \t]*[\w.-]+[ \t]+\S*(?:password-crypted|wireless_wep|wireless_wpa)[ \t]+string[ \t]+(\S.*?)[ \t\r]*$/gm,
  /<(?:user_password|password|passphrase|crypt_key|reg_code)\b[^>]*>([^<]+)</g,
  // Windows' answer file: accounts, the automatic logon and the product key.
  /<(?:AdministratorPassword|Password)>\s*<Value>([^<]+)</g,
  /<ProductKey>\s*(?:<Key>\s*)?([^<\s]+)\s*</g,
  // RHEL 5's installation number
  /^[ \t]*key[ \t]+(\w[\w-]{3,})[ \t\r]*$/gm,
  /^[ \t-]*["']?(?:password|passwd|hashed_passwd|hashed-password|plain_text_passwd|passphrase)["']?:[ \t]+("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s#|>&*{[]\S*)/gm,
  // The same in JSON, wherever it stands on its line: Agama's profile.
  /[{,][ \t]*"(?:password|passphrase)"[ \t]*:[ \t]*("(?:\\.|[^"\\\n])*")/g,
  // DrakX's auto_inst, which is Perl
  /["']?\b(?:password|pw)["']?[ \t]*=>[ \t]*("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/g,
];

/** What stands where a password could, and is none: locked accounts, and questions answered with nothing. */
const NO_PASSWORD = /^(?:[!*x]+|true|false|yes|no|none|null)?$/i;

/** The passwords and password hashes that an install script obviously carries, quotes taken off; each once. */
export function scriptPasswords(script: string): string[] {
  const placed = PLACES.flatMap((place) =>
    [...script.matchAll(place)].flatMap(([, given = '']) => readings(given.trim())),
  );
  const found = [...placed, ...shellPasswords(script)];
  return [...new Set(found.filter((password) => !NO_PASSWORD.test(password)))];
}

/** What stands in a place: as it is meant and as it is written, which differ where quotes hold what is escaped. */
function readings(given: string): string[] {
  const written = given.replace(/^(["'])(.*)\1$/, '$2');
  return written === given ? [given] : [written.replace(/\\(["'\\$`])/g, '$1'), written];
}
