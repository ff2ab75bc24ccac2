/** Keeps what every file system, archive and XML attribute takes in the name of a file. Never empty. */
export function toFileName(name: string): string {
  const safe = name
    .replaceAll(/[^\w.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 80);
  return safe === '' ? 'image' : safe;
}
