import type { BuildParameters } from '../../../domain/parameters.js';
import type { Problem } from '../../../tdl/types.js';

/** What a check has found in an install script. */
export interface Finding extends Problem {
  /**
   * `ending`: the machine possibly does not power itself off at the end of the installation. With parameter
   * assume_poweroff, this finding is only a warning. `warning`: the finding never stops a build. Unset: the finding
   * stops every build.
   */
  about?: 'ending' | 'warning';
}

/** What a check must know besides the script itself. */
export interface CheckContext {
  /**
   * How the installer's machine boots (parameter boot_method). Unset when the cloud decides, which usually means
   * `direct`.
   */
  bootMethod?: BuildParameters['boot_method'];
}
