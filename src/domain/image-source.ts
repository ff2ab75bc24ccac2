import { FactoryError } from './errors.js';
import { isLocalFileUrl } from './file-url.js';

/** Where an image is that exists already. */
export type ImageSource =
  /** An image in Glance, by its name or its id. */
  | { kind: 'glance'; name: string }
  /** A file of the worker's machine, as `file:///DIR/FILE`; or a file on a server, whose digest must be known. */
  | { kind: 'file' | 'server'; url: string };

const GLANCE = /^glance:/i;

/** Whether a text names an image in Glance: `glance:NAME`. */
export function isGlanceUrl(url: string): boolean {
  return GLANCE.test(url);
}

/** Returns the name or the id in a text of the form `glance:NAME`. */
export function parseGlanceName(url: string): string {
  return url.replace(GLANCE, '').trim();
}

/**
 * Reads where an image is: `glance:NAME`, `glance:UUID`, an absolute path on the worker's machine (`/DIR/FILE` or
 * `file:///DIR/FILE`), or an address with http, https or ftp.
 *
 * @param what the option or parameter that names the image, for the message
 * @throws FactoryError InvalidParameter when the text is none of these
 */
export function parseImageSource(text: string, what: string): ImageSource {
  const source = text.trim();
  if (isGlanceUrl(source) && parseGlanceName(source) !== '') return { kind: 'glance', name: parseGlanceName(source) };
  if (source.startsWith('/')) return { kind: 'file', url: `file://${encodePath(source)}` };
  if (isLocalFileUrl(source)) return { kind: 'file', url: source };
  if (/^(https?|ftp):\/\/./i.test(source) && URL.canParse(source)) {
    refusePassword(source, what);
    return { kind: 'server', url: source };
  }
  throw new FactoryError('InvalidParameter', `${what}: ${JSON.stringify(text)} does not say where an image is`, {
    hint:
      'write glance:NAME or glance:UUID, the absolute path of a file on the worker’s machine (/DIR/FILE), ' +
      'or an address (https://…)',
  });
}

/** Refuses an address with a password, because the address stands in the record and in messages. */
function refusePassword(url: string, what: string): void {
  if (new URL(url).password === '') return;
  throw new FactoryError('InvalidParameter', `${what}: an address must not contain a password`, {
    hint: 'put the image into Glance, or into a folder of the worker',
  });
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
