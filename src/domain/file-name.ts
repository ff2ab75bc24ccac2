/** Characters of a name, so that names with what is added to them fit everywhere. */
const LONGEST = 80;

/**
 * Keeps what every file system, archive and XML attribute takes in the name of a file. Never empty. A name that is too
 * long keeps its extensions.
 */
export function toFileName(name: string): string {
  const safe = name.replaceAll(/[^\w.-]+/g, '-').replace(/^[.-]+/, '');
  if (safe === '') return 'image';
  const [extensions = ''] = /(?:\.[A-Za-z0-9]{1,6}){1,2}$/.exec(safe) ?? [];
  return safe.length <= LONGEST ? safe : safe.slice(0, LONGEST - extensions.length) + extensions;
}
