import { unavailable } from './failures.js';
import { openFtp } from './ftp.js';
import { openHttp } from './http.js';
import { openLocal } from './local-file.js';
import { type Opened, type OpenOptions } from './source.js';
import { parseUrl } from './urls.js';

/**
 * Opens what lies at an http, https, ftp or file address.
 *
 * @throws FactoryError MediaUnavailable: see `openHttp`, `openFtp`, `openLocal`. The signal's reason on abort.
 */
export async function openMedium(url: string, options: OpenOptions): Promise<Opened> {
  const protocol = parseUrl(url)?.protocol;
  if (protocol === 'http:' || protocol === 'https:') return openHttp(url, options);
  if (protocol === 'ftp:') return openFtp(url, options);
  if (protocol === 'file:') return openLocal(url, options);
  throw unavailable(url, 'not an http, https, ftp or file address');
}
