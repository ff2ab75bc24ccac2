import { FactoryError } from '../../domain/errors.js';
import type { GuestTools } from './guest-tools.js';

/** Rejects packages and repositories. @throws FactoryError UnsupportedOs */
export function refusePackages(): never {
  throw new FactoryError('UnsupportedOs', 'this system has no package manager that a build can use', {
    hint: 'leave <packages> and <repositories> out, and let the install script install what is needed',
  });
}

/** The tools of systems that cannot be customised. Every function throws. */
export const NO_TOOLS: GuestTools = {
  packageManager: 'none',
  addRepository: refusePackages,
  removeRepository: refusePackages,
  installPackages: refusePackages,
  listPackages: ':',
  listPackageDetails: ':',
  cleanGuest: refusePackages,
  cleanAtShutdown: refusePackages,
};
