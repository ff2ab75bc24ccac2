import { readFile } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import { HttpClient } from '../../http/http.js';
import type { Provider, ProviderKind, ProviderSettings } from '../types.js';
import { configurationSchema, type VsphereConfiguration } from './configuration.js';
import { LibraryApi } from './library-api.js';
import { LibraryProvider } from './library-provider.js';
import { makeLoginReader } from './login.js';
import { VapiClient } from './vapi-client.js';

/** VMware vSphere: an item of a content library of vCenter, or a template. Its input is an OVA. */
export const vsphere: ProviderKind<VsphereConfiguration> = {
  name: 'vsphere',
  schema: configurationSchema,
  connect,
};

async function connect(settings: ProviderSettings<VsphereConfiguration>): Promise<Provider> {
  const { server: address, ca, library } = settings.configuration;
  const http = new HttpClient('', ca === undefined ? {} : { ca: await readCa(ca) });
  const server = address.replace(/\/+$/, '');
  const product = `vSphere ${new URL(server).host}`;
  const vapi = new VapiClient(http, server, product, makeLoginReader(settings));
  return new LibraryProvider(new LibraryApi(vapi), vapi, library ?? '', () => http.close());
}

async function readCa(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FactoryError('InvalidParameter', `the file ${path} with the certificate authority cannot be read`, { cause });
  });
}
