import { FactoryError } from '../../domain/errors.js';

/** HTTP without TLS is for tests, on this machine. Passwords and disks must not cross a network unencrypted. */
const LOOPBACK = /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/;

/** Whether what is sent to an address crosses no network unencrypted. */
export function isSafeAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
}

/** Checks an address that vSphere has named for an upload. @throws FactoryError when it is not safe */
export function expectSafeAddress(address: string): void {
  if (isSafeAddress(address)) return;
  const host = URL.canParse(address) ? new URL(address).origin : 'which is no URL';
  throw new FactoryError('BadRequest', `vSphere named an address for an upload that is not https: ${host}`, {
    hint: 'nothing was sent there; the server and its hosts must take uploads by https',
  });
}
