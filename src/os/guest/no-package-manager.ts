import { FactoryError } from '../../domain/errors.js';
import { YUM_OF_OLD } from '../families/fedora/guest.js';
import type { GuestTools } from '../types.js';

function refuse(): never {
  throw new FactoryError('UnsupportedOs', 'this system has no package manager that could be used', {
    hint: 'leave <packages> and <repositories> out, and let the install script install what is needed',
  });
}

/** Systems that no POSIX shell answers in. */
export const NO_TOOLS: GuestTools = {
  packageManager: 'none',
  addRepository: refuse,
  removeRepository: refuse,
  installPackages: refuse,
  listPackages: ':',
  cleanGuest: refuse,
};

/** rpm, and no program that could fetch packages. */
export const RPM_ONLY: GuestTools = {
  ...YUM_OF_OLD,
  packageManager: 'rpm',
  addRepository: refuse,
  removeRepository: refuse,
  installPackages: refuse,
};
