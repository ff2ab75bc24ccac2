/**
 * Credentials that a user has given with a command, encrypted to a key that only the worker's store has, and only until
 * the command's work is done. So neither Temporal's history nor the store alone has them: see docs/adr/0042.
 */
export interface SealedCredentials {
  /** UUID under which the store has the key. */
  keyId: string;
  /** The encrypted credentials, base64. */
  text: string;
}
