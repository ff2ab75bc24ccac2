import { FactoryError } from '../../../domain/errors.js';
import type { InstallScriptKind } from '../../types.js';
import { stockAutoInst } from './auto-inst.js';
import { stockAutounattend } from './autounattend.js';
import { stockAutoinstall } from './autoinstall.js';
import { stockInstallerconfig } from './installerconfig.js';
import { stockKickstart } from './kickstart.js';
import { stockPreseed } from './preseed.js';
import { stockAgama, stockAutoyast } from './suse.js';
import type { StockInput } from './types.js';

const MAKERS: Partial<Record<InstallScriptKind, (input: StockInput) => string>> = {
  kickstart: stockKickstart,
  preseed: stockPreseed,
  autoinstall: stockAutoinstall,
  autoyast: stockAutoyast,
  agama: stockAgama,
  auto_inst: stockAutoInst,
  installerconfig: stockInstallerconfig,
  autounattend: stockAutounattend,
};

/**
 * The install script of a build that brings none: root's password from the template (locked without one), the packages that a cloud
 * needs, one disk, UTC, a US keyboard, a line on the console when it has ended well, and the power-off.
 *
 * @throws FactoryError InvalidInstallScript where there is none for the system; InvalidTemplate for a password that its language
 * cannot hold, InvalidParameter for a user's name that is none
 */
export function stockScript(input: StockInput): string {
  const maker = MAKERS[input.profile.scriptKind];
  const { os } = input.template;
  if (maker === undefined) {
    throw new FactoryError('InvalidInstallScript', `there is no stock install script for ${os.name}`, {
      hint: '--file-parameter install_script FILE',
    });
  }
  if (/[\r\n\0]/.test(os.rootpw ?? '') || (os.rootpw ?? '') !== (os.rootpw ?? '').trim()) {
    throw new FactoryError(
      'InvalidTemplate',
      'a stock install script takes no <rootpw> with a line break in it, or white space at its ends',
      {
        hint: 'write another password, or bring an install script',
      },
    );
  }
  if (!/^[a-z_][a-z0-9_.-]{0,31}$/i.test(input.user)) {
    throw new FactoryError(
      'InvalidParameter',
      `parameter default_user: ${JSON.stringify(input.user)} is not the name of a user`,
      {
        hint: 'write letters, digits, _ and -',
      },
    );
  }
  return maker(input);
}
