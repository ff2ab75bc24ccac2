import { parseDocument } from 'yaml';
import type { Problem } from '../../tdl/types.js';

/**
 * Agama's profiles are JSON, Jsonnet or AutoYaST's XML. How it ends is said on the kernel's command line (`inst.finish`), so there is
 * only to check that the installer could read the file. https://agama-project.github.io/docs/user/unattended
 */
export function checkAgama(text: string): Problem[] {
  if (/^\s*(<\?xml|<!DOCTYPE|<profile)/.test(text)) return [];
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    // Jsonnet is more than JSON: what begins as its objects, functions, comments and variables do is left to Agama.
    if (/^\s*(\{|local\b|function\b|\/\/|\/\*|#|import\b)/.test(text) && !isYaml(text)) return [];
    return [
      { line: 1, column: 1, message: `this is neither JSON, Jsonnet nor AutoYaST's XML: ${(error as Error).message}` },
    ];
  }
}

/** `key: value` lines without braces around them. */
function isYaml(text: string): boolean {
  return !/[{}]/.test(text) && parseDocument(text).errors.length === 0;
}
