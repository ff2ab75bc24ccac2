import { z } from 'zod';

/** The endpoints of Azure's public cloud. */
const PUBLIC_CLOUD = {
  management: 'https://management.azure.com',
  login: 'https://login.microsoftonline.com',
} as const;

/** Names of resource groups, definitions and containers. Azure compares them without regard to case. */
const resourceGroup = z.string().regex(/^[\p{L}\p{N}_.()-]{0,89}[\p{L}\p{N}_()-]$/u);
const resourceName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9])?$/);
/** Names of galleries have no hyphens. */
const galleryName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9_.]{0,78}[A-Za-z0-9])?$/, {
  error: 'the name of a gallery has letters, digits, dots and underscores only',
});

/** An entry of kind `azure` in `providers`. */
export const azureSchema = z.strictObject({
  kind: z.literal('azure'),
  /** Id of the subscription: a GUID of Microsoft, which need not be a UUID of RFC 9562. */
  subscription: z.guid(),
  /** The resource group of the gallery, or of the managed images. */
  resource_group: resourceGroup,
  /** The region of the images, which is also that of the storage account: `westeurope`. */
  region: z.string().min(1),
  /** Where the VHD is put until the image is made from it. */
  storage: z.strictObject({
    /** Name of the storage account. */
    account: z.string().regex(/^[a-z0-9]{3,24}$/),
    /** The resource group of the storage account. Default: `resource_group`. */
    resource_group: resourceGroup.optional(),
    /** Name of the container. It must exist. */
    container: z.string().regex(/^[a-z0-9](-?[a-z0-9]){2,62}$/),
    /** File with a key of the storage account. Default: the identity has a role for the blobs. */
    key_file: z.string().optional(),
  }),
  /** The gallery in which each image is an image version. Without it, each image is a managed image. */
  gallery: z
    .strictObject({
      /** Name of the gallery. It must exist. */
      name: galleryName,
      /** Name of the image definition. Default: the name of the image. */
      definition: resourceName.optional(),
      /** Makes the image definition when it is missing. Default: it must exist. */
      create_definition: z
        .strictObject({
          publisher: z.string().min(1).max(128),
          /** Default: the system's name. */
          offer: z.string().min(1).max(64).optional(),
          /** Default: the name of the definition. */
          sku: z.string().min(1).max(64).optional(),
        })
        .optional(),
      /** `MAJOR.MINOR` of all versions. Default: `YEAR.MONTHDAY`. The last number is the time. */
      version: z
        .string()
        .regex(/^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/)
        .optional(),
      /** Further regions to which Azure copies each version. Default: none. */
      target_regions: z.array(z.string().min(1)).default([]),
    })
    .optional(),
  /** Keeps the VHD in the container, as a part of the image. Default: it is removed when the image is there. */
  keep_blob: z.boolean().default(false),
  /** The endpoints of another cloud than Azure's public one. */
  endpoints: z
    .strictObject({
      /** Azure Resource Manager: `https://management.chinacloudapi.cn`. */
      management: z.url({ protocol: /^https$/ }).default(PUBLIC_CLOUD.management),
      /** Microsoft Entra ID: `https://login.chinacloudapi.cn`. */
      login: z.url({ protocol: /^https$/ }).default(PUBLIC_CLOUD.login),
      /** The blobs of the account: `https://images.blob.core.chinacloudapi.cn`. */
      blob: z.url({ protocol: /^https?$/ }).optional(),
    })
    .default(PUBLIC_CLOUD),
  /** File with the certificate authorities of the endpoints, in PEM. Default: those of the system. */
  ca: z.string().optional(),
});

export type AzureConfiguration = z.infer<typeof azureSchema>;

/** Returns the URL of the account's blobs, without a slash at its end. */
export function blobEndpoint({ storage, endpoints }: AzureConfiguration): string {
  return (endpoints.blob ?? `https://${storage.account}.blob.core.windows.net`).replace(/\/+$/, '');
}

/** Returns the resource id of the group in which the images are. */
export function imagesScope({ subscription, resource_group }: AzureConfiguration): string {
  return `/subscriptions/${subscription}/resourceGroups/${resource_group}`;
}

/** Returns the resource id of the storage account. */
export function accountId({ subscription, resource_group, storage }: AzureConfiguration): string {
  const group = storage.resource_group ?? resource_group;
  const scope = `/subscriptions/${subscription}/resourceGroups/${group}`;
  return `${scope}/providers/Microsoft.Storage/storageAccounts/${storage.account}`;
}

/** Returns the resource id of the gallery. */
export function galleryId(configuration: AzureConfiguration, name: string): string {
  return `${imagesScope(configuration)}/providers/Microsoft.Compute/galleries/${name}`;
}
