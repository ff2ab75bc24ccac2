/** Words in the names of secrets. `access_key` of Amazon is a name, but it is masked too: it leads to its owner. */
const SECRET_WORDS = /pass|secret|token|key|credential|certificate|pem/i;

/** Whether a field of credentials with this name is a secret, and not a name or an address. */
export function isSecretName(name: string): boolean {
  return SECRET_WORDS.test(name);
}
