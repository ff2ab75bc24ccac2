import { FactoryError } from '../../domain/errors.js';
import { type InstallScriptKind, SCRIPT_KINDS } from './kinds/registry.js';
import type { StockInput } from './stock-parts/stock-input.js';

/**
 * Writes the stock install script, for a build without an install script. It sets root's password from the template
 * (locked when the template has none), the packages that a cloud needs, one disk, UTC and a US keyboard. At the end it
 * prints a line on the console, if it has succeeded, and powers the machine off.
 *
 * @throws FactoryError InvalidTemplate for a password that the script's language cannot contain, InvalidParameter for a
 * name that no user can have
 */
export function writeStockScript(input: StockInput & { profile: { scriptKind: InstallScriptKind } }): string {
  const { template, profile, user } = input;
  const { rootpw = '' } = template.os;
  if (/[\r\n\0]/.test(rootpw) || rootpw !== rootpw.trim()) {
    throw new FactoryError(
      'InvalidTemplate',
      'a stock install script cannot use a <rootpw> with a line break or a NUL character, or with white space at its beginning or end',
      { hint: 'write another password, or bring an install script' },
    );
  }
  if (!/^[a-z_][a-z0-9_.-]{0,31}$/i.test(user)) {
    throw new FactoryError(
      'InvalidParameter',
      `parameter default_user: ${JSON.stringify(user)} cannot be the name of a user`,
      { hint: 'begin with a letter or _, and write at most 32 letters, digits, dots, _ and -' },
    );
  }
  return SCRIPT_KINDS[profile.scriptKind].writeStock(input);
}
