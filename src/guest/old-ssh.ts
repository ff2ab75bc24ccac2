import type { CipherAlgorithm, KexAlgorithm } from 'ssh2';

/** Key exchanges of OpenSSH 3 and 4, which today's clients do not offer by default. */
export const OLD_KEX: KexAlgorithm[] = [
  'diffie-hellman-group-exchange-sha1',
  'diffie-hellman-group14-sha1',
  'diffie-hellman-group1-sha1',
];

/** Ciphers of OpenSSH 3 and 4, which today's clients do not offer by default. */
export const OLD_CIPHERS: CipherAlgorithm[] = ['aes128-cbc', '3des-cbc'];
