import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Returns the reason to skip a test when the PATH does not have the program that the test runs. Returns false when the
 * PATH has it.
 */
export function missingProgram(name: string): string | false {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, name))) ? false : `the PATH has no program ${name}`;
}
