import type { Document } from './clouds-yaml.js';
import { SERVICE_KEYS } from './entry-schema.js';
import type { Source } from './source.js';

/** The versions of the APIs that we call, by the words that begin the keys of a service. */
const VERSIONS: Record<string, string> = { identity: '3', compute: '2', image: '2', network: '2' };
for (const word of SERVICE_KEYS['block-storage']) VERSIONS[word] = '3';

/**
 * Lists remarks about the keys that openstackclient would use and this program does not use. The program can go on
 * without these keys.
 * @param rest the keys beside `auth`
 * @param isProfileUnknown whether the entry names an unknown profile
 */
export function listRemarks(rest: Document, isProfileUnknown: boolean, insecure: boolean, source: Source): string[] {
  const remarks: [string, string][] = [];
  if (isProfileUnknown) remarks.push(['profile', 'names a profile that is not known: we go on without it']);
  if (insecure && typeof rest['cacert'] === 'string') {
    remarks.push(['cacert', 'is not used, because certificates are not checked']);
  }
  if (rest['api_timeout'] !== undefined)
    remarks.push(['api_timeout', 'is not used: every call has its own time limit']);
  for (const [word, version] of Object.entries(VERSIONS)) {
    const given = rest[`${word}_api_version`];
    if (typeof given === 'string' && /^v?\d/.test(given) && /\d+/.exec(given)?.[0] !== version) {
      remarks.push([`${word}_api_version`, `is ${given}, but this program uses version ${version}`]);
    }
    if (rest[`${word}_default_microversion`] !== undefined) {
      remarks.push([`${word}_default_microversion`, 'is not used: this program chooses the microversion itself']);
    }
  }
  return remarks.map(([key, what]) => `${source.where}: ${source.keyName(key)} ${what}`);
}
