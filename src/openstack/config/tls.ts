import { expandPath, readFileIfExists } from './clouds-yaml.js';
import type { Entry } from './entry-schema.js';
import { keyError, type Source } from './source.js';
import type { Tls } from '../../http/http.js';

/** Reads a PEM file that the configuration names; returns undefined if the configuration names none. */
function readPemFile(file: string | undefined, key: string, source: Source): string | undefined {
  if (file === undefined || file === '') return undefined;
  const content = readFileIfExists(expandPath(file, source.env, source.directory));
  if (content !== undefined) return content;
  throw keyError(
    source,
    key,
    `names the file ${file}, which does not exist`,
    /^(true|false)$/i.test(file) ? 'openstackclient, too, takes this text for a path; use insecure instead' : undefined,
  );
}

/**
 * Reads the settings of TLS as openstacksdk does: `insecure` overrides `verify`, and `cacert` overrides a path in
 * `verify`. `key` counts only together with `cert`. Without `key`, the file of `cert` must also contain the private
 * key.
 */
export function readTls(entry: Entry, source: Source): Tls {
  const { verify, cacert } = entry;
  const insecure = entry.insecure === true || verify === false;
  const authority = cacert === undefined && typeof verify === 'string' ? 'verify' : 'cacert';
  const cert = readPemFile(entry.cert, 'cert', source);
  return {
    ca: insecure ? undefined : readPemFile(authority === 'verify' ? String(verify) : cacert, authority, source),
    cert,
    key: cert === undefined ? undefined : (readPemFile(entry.key, 'key', source) ?? cert),
    insecure,
  };
}
