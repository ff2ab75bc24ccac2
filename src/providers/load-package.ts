import { FactoryError } from '../domain/errors.js';

/**
 * Loads a package that only some providers need, and that is installed only where they are used.
 *
 * @param name the package's name
 * @param load `() => import('name')`, so that the types of the package are known
 * @throws FactoryError InvalidParameter when the package is not installed; the hint says how to install it
 */
export async function loadPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    throw new FactoryError('InvalidParameter', `the package ${name} is not installed on the worker’s machine`, {
      hint: `install it beside imagefactory-nova, and start the worker again: npm install ${name}`,
      cause: error,
    });
  }
}
