import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Returns why a test that runs a program is skipped: the PATH has no such program. Returns false when it has. */
export function missingProgram(name: string): string | false {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, name))) ? false : `the PATH has no program ${name}`;
}
