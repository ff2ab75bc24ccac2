/** The words at the end of a name whose value is a secret: `db_password`, `rootPw`, `MYSQL_PWD`, `X-Auth-Token`. */
const SECRET_WORD =
  /(?:password|passwd|passphrase|passcode|(?:^|_)(?:pass|pwd|pw|psk|secret|token)|[a-z]{3}pw|md5pass)$/;
/** Keys and codes that are secrets, unlike the many names of keys that everybody may know. */
const SECRET_KEY =
  /(?:^|_)(?:api|access|activation|auth|crypt|encryption|license|private|product|psk|reg|registration|secret|shared|validation|wep|wireless|wpa)_?(?:key|code)$/;
/** What may follow the secret word in a name, and says only more about the value: `password_hash`, `password-again`. */
const SUFFIX =
  /(?:\d|_(?=\d)|_(?:again|confirm|confirmation|crypted|encrypted|hash|hashed|in|out|plain|plaintext|text))+$/;
/** Names that end as a secret's name does, and whose values everybody may know. */
const NO_SECRET = /(?:^|_)(?:public_key_token|bypass|compass|csrf_token|change_password|force_password|no_password)$/;

/** Number of characters at the end of a name that are looked at. */
const LONGEST = 64;

/**
 * Checks whether the value of a name is a secret in every language: of shells' variables, options, keys of YAML, JSON
 * and INI files, and elements and attributes of XML. Knows camel case, hyphens, dots and underscores.
 */
export function isSecretName(name: string): boolean {
  // The end tells it, and the name of an element of XML has no limit.
  const words = name
    .slice(-LONGEST)
    .replace(/([a-z\d])(?=[A-Z])/g, '$1_')
    .replace(/[.:-]/g, '_')
    .toLowerCase()
    .replace(SUFFIX, '');
  return (SECRET_WORD.test(words) || SECRET_KEY.test(words)) && !NO_SECRET.test(words);
}
