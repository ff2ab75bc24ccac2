import { z } from 'zod';
import type { BuildRecord } from './record.js';

const digest = z.looseObject({ algorithm: z.string(), value: z.string() });

const inputDigest = z.object({ algorithm: z.string(), value: z.string() }).nullable();

export const PARENT_SCHEMA = z.object({ id: z.string(), digest: inputDigest });

export const INPUT_SCHEMA = z.object({ kind: z.string(), name: z.string(), digest: inputDigest });

export const OUTPUT_SCHEMA = z.object({
  name: z.string(),
  format: z.string().nullable(),
  size: z.number().nullable(),
  virtual_size: z.number().nullable(),
  digests: z.record(z.string(), z.string()),
  verified_by: z.string().nullable(),
});

/** Schema of an image at a provider. It keeps unknown fields. */
const REGISTERED_SCHEMA = z.looseObject({
  id: z.string(),
  location: z.string(),
  account: z.string().optional(),
  region: z.string().optional(),
  resources: z.array(z.object({ kind: z.string(), id: z.string() })),
});

/** Schema of `<uuid>.meta`. The schema keeps unknown fields, which a newer version of this program may have added. */
export const RECORD_SCHEMA = z.looseObject({
  identifier: z.string(),
  type: z.enum(['BaseImage', 'TargetImage', 'ProviderImage']),
  data: z.string(),
  template: z.string(),
  icicle: z.string().nullable(),
  status: z.enum([
    'NEW',
    'PENDING',
    'BUILDING',
    'HELD',
    'COMPLETE',
    'FAILED',
    'CANCELED',
    'DELETING',
    'DELETED',
    'DELETEFAILED',
  ]),
  status_detail: z.looseObject({ activity: z.string(), error: z.string().nullable() }),
  percent_complete: z.number(),
  parameters: z.record(z.string(), z.unknown()),
  properties: z.record(z.string(), z.unknown()),
  workflow_id: z.string(),
  cloud: z.string(),
  name: z.string(),
  os: z.looseObject({ name: z.string(), version: z.string(), arch: z.string() }),
  created_at: z.string(),
  completed_at: z.string().nullable(),
  glance_id: z.string().nullable(),
  checksum: digest.nullable(),
  checksum_md5: z.string().nullable(),
  size: z.number().nullable(),
  min_disk: z.number().nullable(),
  jeos: z
    .looseObject({
      glance_id: z.string(),
      digest: z.string(),
      reused: z.boolean(),
      source: z.string().optional(),
      checksum: digest.nullable().optional(),
    })
    .nullable(),
  packages: z.number().nullable(),
  package_details: z
    .array(z.object({ name: z.string(), version: z.string().nullable(), architecture: z.string().nullable() }))
    .nullable()
    .default(null),
  icicle_warning: z.string().nullable().default(null),
  timings: z.record(z.string(), z.number()),
  downloaded: z.boolean(),
  parent: PARENT_SCHEMA.nullable().optional(),
  inputs: z.array(INPUT_SCHEMA).optional(),
  outputs: z.array(OUTPUT_SCHEMA).optional(),
  target: z.string().optional(),
  base_image_id: z.string().optional(),
  base_image_checksum: digest.nullable().optional(),
  prepared: z
    .looseObject({ glance_id: z.string(), digest: z.string(), reused: z.boolean(), steps: z.array(z.string()) })
    .optional(),
  format: z.string().optional(),
  virtual_size: z.number().optional(),
  sha256: z.string().optional(),
  sha512: z.string().optional(),
  verified_by: z.string().optional(),
  converter: z.string().optional(),
  firmware: z.enum(['bios', 'uefi']).optional(),
  secure_boot: z.boolean().optional(),
  guest_properties: z.record(z.string(), z.string()).optional(),
  target_image_id: z.string().optional(),
  provider: z.string().optional(),
  provider_kind: z.string().optional(),
  provider_definition: z.record(z.string(), z.unknown()).optional(),
  provider_credentials: z.literal('given').optional(),
  provider_location: z.string().optional(),
  provider_account_identifier: z.string().nullable().optional(),
  identifier_on_provider: z.string().optional(),
  registered: REGISTERED_SCHEMA.optional(),
  shared_with: z.array(z.string()).optional(),
}) satisfies z.ZodType<BuildRecord>;
