const BEGIN = '-----BEGIN SSH HOST KEY KEYS-----';
const END = '-----END SSH HOST KEY KEYS-----';
/** A public key somewhere in a line: consoles put time stamps and the names of services before it. */
const KEY = /\b(ssh-ed25519|ssh-rsa|ssh-dss|ecdsa-sha2-nistp(?:256|384|521)) (AAAA[0-9A-Za-z+/]+={0,2})(?=\s|$)/;

/** Whether the blob says itself that it is a key of that type (RFC 4253, section 6.6: its first string). */
function isOfType(type: string, base64: string): boolean {
  const blob = Buffer.from(base64, 'base64');
  return (
    blob.length > 4 + type.length &&
    blob.readUInt32BE(0) === type.length &&
    blob.toString('latin1', 4, 4 + type.length) === type
  );
}

/**
 * The SSH host keys that cloud-init printed on the console (its module `keys_to_console`), as `type base64` lines; those
 * of the last boot if there were several. Empty when there is no whole block.
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
