import { findShellPasswords } from './shell-passwords.js';

/*
 * Where the installers' script languages have passwords, by their own manuals: kickstart's commands
 * (https://pykickstart.readthedocs.io), debconf's questions of type `password`, AutoYaST's elements and those of
 * Windows, cloud-config's and autoinstall's keys, auto_inst's. The first group is the password.
 */
const WORD = String.raw`"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^-\s]\S*`;
const KEYS = 'password|passwd|hashed_passwd|hashed-password|plain_text_passwd|passphrase|registrationCode';

// No expression may search from every character of a long text to its end.
const PLACES: RegExp[] = [
  // rootpw [options] PASSWORD; sshpw --username=NAME [options] PASSWORD
  new RegExp(String.raw`^[ \t]*(?:rootpw|sshpw)(?:[ \t]+--username[ \t]+\S+)?(?:[ \t]+--\S+)*[ \t]+(${WORD})`, 'gm'),
  // user, bootloader, part, autopart, logvol, raid, vnc, realm, rhsm, network, iscsi, …
  new RegExp(
    String.raw`[ \t]--(?:(?:reverse-|one-time-)?password|passphrase|md5pass|wepkey|wpakey|activation-?key)(?:=|[ \t]+)(${WORD})`,
    'gm',
  ),
  // OWNER QUESTION password VALUE; a WEP key is of type string
  /^[ \t]*[\w.-]+[ \t]+\S+[ \t]+password[ \t]+(\S.*)/gm,
  /^[ \t]*[\w.-]+[ \t]+\S*(?:password-crypted|wireless_wep|wireless_wpa)[ \t]+string[ \t]+(\S.*)/gm,
  /\becho[ \t]+"[\w.-]+[ \t]+[^\s"]+[ \t]+password[ \t]+([^"\n]+)"/g,
  /\becho[ \t]+'[\w.-]+[ \t]+[^\s']+[ \t]+password[ \t]+([^'\n]+)'/g,
  /<(?:user_password|password|passphrase|crypt_key|reg_code|vnc_password|proxy_password)\b[^<>]*>(?:<!\[CDATA\[)?([^<\]]+)/g,
  // Windows' answer file: accounts, the automatic logon and the product key.
  /<(?:AdministratorPassword|Password)>(?:\s*<PlainText>[^<]*<\/PlainText>)?\s*(?:<Value>\s*)?([^<\s][^<]*)</g,
  /<ProductKey>(?:\s*<WillShowUI>[^<]*<\/WillShowUI>)?\s*(?:<Key>\s*)?([^<\s]+)\s*</g,
  // RHEL 5's installation number
  /^[ \t]*key[ \t]+(\w[\w-]{3,})[ \t\r]*$/gm,
  new RegExp(
    String.raw`^[ \t-]*["']?(?:${KEYS}|token)["']?:[ \t]+("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s#|>&*{[]\S*)`,
    'gm',
  ),
  // The same in JSON and in one line of YAML: Agama's profile, and cloud-config's users.
  new RegExp(
    String.raw`[{,][ \t]*["']?(?:${KEYS})["']?[ \t]*:[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s"'{[,}\]][^\s,}\]]*)`,
    'g',
  ),
  // DrakX's auto_inst, which is Perl
  /["']?\b(?:password|pw)["']?[ \t]*=>[ \t]*("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/g,
];

/** The lines of cloud-config's chpasswd: `user:password` each. */
const PAIRS = /^[ \t]*list:[ \t]*(?:\|[-+]?[ \t]*)?\r?\n((?:[ \t]+\S.*(?:\r?\n|$))+)/gm;

/** Values in the place of a password that are no passwords: locked accounts, and empty answers. */
const NO_PASSWORD = /^(?:[!*x]+|true|false|yes|no|none|null)?$/i;

/** Finds the passwords and password hashes in an install script, without their quotes; each once. */
export function findScriptPasswords(text: string): string[] {
  const script = text.replace(/^\uFEFF/, '');
  const placed = PLACES.flatMap((place) =>
    [...script.matchAll(place)].flatMap(([, given = '']) => readValue(given.trim())),
  );
  const listed = [...script.matchAll(PAIRS)].flatMap(([, lines = '']) =>
    lines.split('\n').flatMap((line) => /^[ \t]*(?:-[ \t]+)?["']?[\w.-]+:(\S+?)["']?[ \t\r]*$/.exec(line)?.[1] ?? []),
  );
  const found = [...placed, ...listed, ...findShellPasswords(script)];
  return [...new Set(found.filter((password) => !NO_PASSWORD.test(password)))];
}

/** Reads a value in two forms, unescaped and as written: they differ where quotes contain escaped characters. */
function readValue(given: string): string[] {
  const written = given.replace(/^(["'])(.*)\1$/, '$2');
  return written === given ? [given] : [written.replace(/\\(["'\\$`])/g, '$1'), written];
}
