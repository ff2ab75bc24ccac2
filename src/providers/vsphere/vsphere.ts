import { readFile } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import { HttpClient } from '../../http/http.js';
import type { Operation, Provider, ProviderKind, ProviderSettings } from '../types.js';
import { configurationSchema, readPlace, type VsphereConfiguration } from './configuration.js';
import type { Import } from './import-ova.js';
import { InventoryApi } from './inventory-api.js';
import { InventoryProvider } from './inventory-provider.js';
import { LibraryApi } from './library-api.js';
import { LibraryProvider } from './library-provider.js';
import { makeLoginReader } from './login.js';
import { SoapClient } from './soap-client.js';
import { VapiClient } from './vapi-client.js';

/** VMware vSphere: an item of a content library of vCenter, or a template. Its input is an OVA. */
export const vsphere: ProviderKind<VsphereConfiguration> = {
  name: 'vsphere',
  schema: configurationSchema,
  connect,
};

async function connect(settings: ProviderSettings<VsphereConfiguration>): Promise<Provider> {
  const { server: address, ca, library = '' } = settings.configuration;
  const http = new HttpClient('', ca === undefined ? {} : { ca: await readCa(ca) });
  const server = address.replace(/\/+$/, '');
  const product = `vSphere ${new URL(server).host}`;
  const readLogin = makeLoginReader(settings);
  const close = (): Promise<void> => http.close();
  const place = readPlace(settings.configuration);
  if (place === undefined) {
    const vapi = new VapiClient(http, server, product, readLogin);
    return new LibraryProvider(new LibraryApi(vapi), vapi, library, close);
  }
  const api = new InventoryApi(new SoapClient(http, server, product, readLogin));
  return new InventoryProvider(api, place, (operation) => makePost(http, product, operation), close);
}

/** Uploads a disk to an address of a lease, which needs no session. */
function makePost(http: HttpClient, product: string, { signal }: Operation): Import['post'] {
  return async (url, size, body) => {
    const headers = { 'content-type': 'application/x-vnd.vmware-streamVmdk', 'content-length': String(size) };
    try {
      await http.upload({ product, method: 'POST', url, headers, body, signal });
    } finally {
      body.destroy();
    }
  };
}

async function readCa(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    const message = `the file ${path} with the certificate authority cannot be read`;
    throw new FactoryError('InvalidParameter', message, { cause });
  });
}
