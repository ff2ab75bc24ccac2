import { FactoryError } from '../../domain/errors.js';
import { type InstallScriptKind, SCRIPT_KINDS } from './kinds/registry.js';
import type { StockInput } from './stock-parts/stock-input.js';

/**
 * Writes the install script of a build that brings none: root's password from the template (locked without one), the
 * packages that a cloud needs, one disk, UTC, a US keyboard, a line on the console when it has succeeded, and the
 * power-off.
 *
 * @throws FactoryError InvalidTemplate for a password that its language cannot hold, InvalidParameter for a name that
 * no user can have
 */
export function writeStockScript(input: StockInput & { profile: { scriptKind: InstallScriptKind } }): string {
  const { template, profile, user } = input;
  const { rootpw = '' } = template.os;
  if (/[\r\n\0]/.test(rootpw) || rootpw !== rootpw.trim()) {
    throw new FactoryError(
      'InvalidTemplate',
      'a stock install script takes no <rootpw> with a line break in it, or white space at its ends',
      { hint: 'write another password, or bring an install script' },
    );
  }
  if (!/^[a-z_][a-z0-9_.-]{0,31}$/i.test(user)) {
    throw new FactoryError(
      'InvalidParameter',
      `parameter default_user: ${JSON.stringify(user)} is not the name of a user`,
      { hint: 'write letters, digits, _ and -' },
    );
  }
  return SCRIPT_KINDS[profile.scriptKind].writeStock(input);
}
