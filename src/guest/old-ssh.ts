import type { CipherAlgorithm, KexAlgorithm } from 'ssh2';

/** Key exchanges that OpenSSH 3 and 4 have, and no client of today offers by itself. */
export const OLD_KEX: KexAlgorithm[] = [
  'diffie-hellman-group-exchange-sha1',
  'diffie-hellman-group14-sha1',
  'diffie-hellman-group1-sha1',
];

/** The same of ciphers. */
export const OLD_CIPHERS: CipherAlgorithm[] = ['aes128-cbc', '3des-cbc'];
