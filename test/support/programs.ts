import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Why a test that runs a program is skipped, when the PATH has no such program; otherwise false. */
export function missingProgram(name: string): string | false {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, name))) ? false : `there is no ${name}`;
}
