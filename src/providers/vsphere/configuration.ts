import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { isSafeAddress } from './safe-address.js';

const PLACE = ['datacenter', 'resource_pool', 'datastore', 'network'] as const;

const fields = z.strictObject({
  kind: z.literal('vsphere'),
  /** Address of the vCenter, or of the ESXi host: `https://vcenter.example.org`. */
  server: z
    .url({ protocol: /^https?$/, error: 'server must be a URL, such as https://vcenter.example.org' })
    .refine(isSafeAddress, 'server must begin with https://'),
  /** The user: `images@vsphere.local`. */
  user: z.string().min(1),
  /** Path of a file whose first line is the user's password. Only credentials that a user gives replace it. */
  password_file: z.string().min(1).optional(),
  /** Path of a PEM file with the certificate authority of the server and of its hosts. Default: those of Node.js. */
  ca: z.string().min(1).optional(),
  /** Name or id of the content library to which images are pushed. */
  library: z.string().min(1).optional(),
  /** Without a content library: the datacenter in which a template is made. That of an ESXi host is `ha-datacenter`. */
  datacenter: z.string().min(1).optional(),
  /** Path of the folder for the template, below `vm` of the datacenter. Default: that folder itself. */
  folder: z.string().min(1).optional(),
  /** Path of the resource pool, below `host` of the datacenter: `cluster1/Resources`. */
  resource_pool: z.string().min(1).optional(),
  /** Path of the datastore, below `datastore` of the datacenter. */
  datastore: z.string().min(1).optional(),
  /** Path of the network for the template, below `network` of the datacenter: `VM Network`. */
  network: z.string().min(1).optional(),
});

export type VsphereConfiguration = z.infer<typeof fields>;

/** Where a template is made. All are paths as the inventory of vSphere has them. */
export interface Place {
  datacenter: string;
  /** Empty for the folder `vm` of the datacenter. */
  folder: string;
  resourcePool: string;
  datastore: string;
  network: string;
}

/** Checks an entry of `providers`: it names a content library, or the place for a template. */
export const configurationSchema: z.ZodType<VsphereConfiguration> = fields.superRefine((value, context) => {
  const place = [...PLACE, 'folder' as const].filter((key) => value[key] !== undefined);
  if (value.library !== undefined && place.length > 0) {
    context.addIssue({ code: 'custom', message: `library and ${place.join(', ')} exclude each other` });
  }
  const missing = PLACE.filter((key) => value[key] === undefined);
  if (value.library === undefined && missing.length > 0) {
    const message = `name the content library (library), or the place for a template; missing: ${missing.join(', ')}`;
    context.addIssue({ code: 'custom', message });
  }
});

/** Returns the place for templates. Undefined when the configuration names a content library. */
export function readPlace(configuration: VsphereConfiguration): Place | undefined {
  const { library, datacenter, resource_pool: resourcePool, datastore, network, folder = '' } = configuration;
  if (library !== undefined) return undefined;
  if (datacenter === undefined || resourcePool === undefined || datastore === undefined || network === undefined) {
    throw new FactoryError('InvalidParameter', 'the configuration of the provider names no place for a template');
  }
  return { datacenter, folder, resourcePool, datastore, network };
}
