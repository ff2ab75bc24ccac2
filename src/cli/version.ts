import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from './dev-server/temporal-binary.js';

/** Reads the version of this program. */
export function readVersion(): string {
  const manifest = JSON.parse(readFileSync(join(projectFolder(), 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}
