import { readWord, WORD } from './shell-word.js';

/** The words of a command between its name and an option. The limit keeps the search linear. */
const BETWEEN = String.raw`\b[^\n|;]{0,300}?[ \t]`;

/** Commands that get a secret as a word of their own, and where this word is: the last group of each pattern. */
const COMMANDS: RegExp[] = [
  // MySQL's clients take the password directly behind -p.
  String.raw`\b(?:mysql|mariadb)\w*${BETWEEN}-p(${WORD})`,
  String.raw`\bsshpass[ \t]+-p[ \t]*(${WORD})`,
  String.raw`\bhtpasswd[ \t]+-\w*b\w*(?:[ \t]+-\S+)*(?:[ \t]+${WORD}){1,2}[ \t]+(${WORD})`,
  String.raw`\bopenssl[ \t]+passwd(?:[ \t]+-(?:salt[ \t]+(?!-)\S+|\w+))*[ \t]+(?!-)(${WORD})`,
  String.raw`\bmkpasswd(?:[ \t]+-(?:[mSRP][ \t]+(?!-)\S+|\S+))*[ \t]+(?!-)(${WORD})`,
  // The password of FreeIPA and LDAP; ldappasswd's new password.
  String.raw`\b(?:ipa-[\w-]{1,40}(?![\w-])|ldap\w{1,40})${BETWEEN}-w[ \t]*(${WORD})`,
  String.raw`\bldappasswd${BETWEEN}-s[ \t]*(${WORD})`,
  String.raw`\bnmcli${BETWEEN}(?:password|\S{1,100}\.(?:psk|password|wep-key\d?))[ \t]+(${WORD})`,
  String.raw`\b(?:docker|podman|buildah|skopeo|nerdctl|helm)[ \t]+(?:registry[ \t]+)?login${BETWEEN}-p[ \t=]*(${WORD})`,
  String.raw`\baws[ \t]+configure[ \t]+set[ \t]+\S{0,100}(?:secret|token)\S{0,100}[ \t]+(${WORD})`,
].map((pattern) => new RegExp(pattern, 'g'));

/** The same of Windows, where the case of letters does not matter. */
const WINDOWS_COMMANDS: RegExp[] = [
  String.raw`\bnet1?(?:\.exe)?[ \t]+user[ \t]+(?!/)${WORD}[ \t]+(?![/*])(${WORD})`,
  String.raw`\bnet1?(?:\.exe)?[ \t]+use[ \t]+(?:(?:\w:|\*)[ \t]+)?\\\\[^\s"]{1,200}[ \t]+(?![/*])(${WORD})`,
  String.raw`\bConvertTo-SecureString(?:[ \t]+-(?:String|AsPlainText|Force))*[ \t]+(?!-)(${WORD})`,
  String.raw`/ipk[ \t]+(${WORD})`,
  String.raw`\breg(?:\.exe)?[ \t]+add${BETWEEN}/v[ \t]+"?\w{0,60}Password"?[ \t][^\n|;]{0,100}?/d[ \t]+(${WORD})`,
  String.raw`\bnetdom${BETWEEN}/p(?:asswordd?|d|o)?:(${WORD})`,
  String.raw`\bschtasks${BETWEEN}/rp[ \t]+(${WORD})`,
].map((pattern) => new RegExp(pattern, 'gi'));

/** Options whose value is `user:password`, of curl, and `user%password`, of Samba. */
const LOGINS = [
  new RegExp(String.raw`\bcurl${BETWEEN}(?:-\w{0,10}[uU]|--(?:proxy-)?user)[ \t=]*(${WORD})`, 'g'),
  new RegExp(String.raw`\b(?:net|smbclient|rpcclient|winexe)${BETWEEN}(?:-U|--user(?:name)?)[ \t=]*(${WORD})`, 'g'),
];
const LOGIN = /^[^:%\s]+[:%](.+)$/;

/** The value of an HTTP header that authenticates a request. */
const AUTHORIZATION = /\bAuthorization["']?[ \t]*[:=][ \t]*["']?(?:(?:Bearer|Basic|Token)[ \t]+)?([^\s"']{1,4096})/gi;
/** The clear text in a call of crypt(3), in Perl, Python, PHP and Ruby. */
const CRYPT =
  /crypt(?:\.(?:hash|encrypt|using\([^()\n]{0,100}\)\.hash))?\([ \t]*(?:"([^"\n]{1,512})"|'([^'\n]{1,512})')/g;

/** Finds the secrets that are words of commands which take no named option for them. */
export function findCommandPasswords(script: string): string[] {
  const words = [...COMMANDS, ...WINDOWS_COMMANDS].flatMap((pattern) =>
    [...script.matchAll(pattern)].flatMap(([, word = '']) =>
      // The command may stand in another one: "$(openssl passwd hush)"
      [word, word.replace(/\)["'`]?$/, '')].flatMap(readWord),
    ),
  );
  const logins = LOGINS.flatMap((pattern) =>
    [...script.matchAll(pattern)].flatMap(([, word = '']) =>
      readWord(word).flatMap((login) => LOGIN.exec(login)?.[1] ?? []),
    ),
  );
  const headers = [...script.matchAll(AUTHORIZATION)].map(([, value = '']) => value);
  const hashed = [...script.matchAll(CRYPT)].map(([, double, single]) => double ?? single ?? '');
  // A variable is no secret, and neither are the empty quotes of a shell in a shell.
  return [...words, ...logins, ...headers, ...hashed].filter((word) => !/^(?:\$\w+$|\$[({]|<|[\\'"`]*$)/.test(word));
}
