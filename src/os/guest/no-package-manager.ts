import { FactoryError } from '../../domain/errors.js';
import type { GuestTools } from './guest-tools.js';

/** Refuses packages and repositories. @throws FactoryError UnsupportedOs */
export function refusePackages(): never {
  throw new FactoryError('UnsupportedOs', 'this system has no package manager that could be used', {
    hint: 'leave <packages> and <repositories> out, and let the install script install what is needed',
  });
}

/** For systems that cannot be customised. */
export const NO_TOOLS: GuestTools = {
  packageManager: 'none',
  addRepository: refusePackages,
  removeRepository: refusePackages,
  installPackages: refusePackages,
  listPackages: ':',
  cleanGuest: refusePackages,
};
