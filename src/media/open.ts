import { mediaUnavailableError } from './failures.js';
import { openFtp } from './ftp.js';
import { openHttp } from './http.js';
import { openLocalFile } from './local-file.js';
import { type MediumStream, type OpenOptions } from './source.js';
import { parseUrl } from './urls.js';

/**
 * Opens an http, https, ftp or file URL.
 *
 * @throws FactoryError MediaUnavailable: see `openHttp`, `openFtp`, `openLocalFile`. The signal's reason on abort.
 */
export async function openMedium(url: string, options: OpenOptions): Promise<MediumStream> {
  const protocol = parseUrl(url)?.protocol;
  if (protocol === 'http:' || protocol === 'https:') return openHttp(url, options);
  if (protocol === 'ftp:') return openFtp(url, options);
  if (protocol === 'file:') return openLocalFile(url, options);
  throw mediaUnavailableError(url, 'it is not an http, https, ftp or file URL');
}
