const BEGIN = '-----BEGIN SSH HOST KEY KEYS-----';
const END = '-----END SSH HOST KEY KEYS-----';
/** Matches a public key anywhere in a line, because consoles write timestamps and names of services before the key. */
const KEY = /\b(ssh-ed25519|ssh-rsa|ssh-dss|ecdsa-sha2-nistp(?:256|384|521)) (AAAA[0-9A-Za-z+/]+={0,2})(?=\s|$)/;

/** Checks whether the key's binary form begins with this type as its first string (RFC 4253, section 6.6). */
function isOfType(type: string, base64: string): boolean {
  const blob = Buffer.from(base64, 'base64');
  return (
    blob.length > 4 + type.length &&
    blob.readUInt32BE(0) === type.length &&
    blob.toString('latin1', 4, 4 + type.length) === type
  );
}

/**
 * Reads the SSH host keys that cloud-init has printed on the console (module `keys_to_console`), as `type base64`
 * lines. After several boots, returns only the keys of the last boot. Returns an empty list when there is no complete
 * block.
 */
export function readConsoleHostKeys(text: string): string[] {
  const end = text.lastIndexOf(END);
  const begin = end < 0 ? -1 : text.lastIndexOf(BEGIN, end);
  if (begin < 0) return [];
  const keys = new Set<string>();
  for (const line of text.slice(begin + BEGIN.length, end).split(/[\r\n]+/)) {
    const [, type, base64] = KEY.exec(line) ?? [];
    if (type !== undefined && base64 !== undefined && isOfType(type, base64)) keys.add(`${type} ${base64}`);
  }
  return [...keys];
}
