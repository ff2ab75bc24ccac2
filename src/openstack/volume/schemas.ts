import { z } from 'zod';

/**
 * Schemas of the fields that we read from Cinder's responses (https://docs.openstack.org/api-ref/block-storage/v3/).
 */

const texts = z.record(z.string(), z.string());

const volume = z.object({
  id: z.string(),
  name: z.string().nullable().default(null),
  status: z.string(),
  size: z.number(),
  /** Cinder sends booleans as strings. */
  bootable: z.union([z.boolean(), z.stringbool()]).default(false),
  metadata: texts.default({}),
  attachments: z.array(z.object({ server_id: z.string(), attachment_id: z.string().optional() })).default([]),
  volume_type: z.string().nullable().default(null),
  created_at: z.string(),
  volume_image_metadata: texts.optional(),
});

export const volumeSchema = z.object({ volume });
export const volumePage = z.object({
  volumes: z.array(volume),
  volumes_links: z.array(z.object({ rel: z.string(), href: z.string() })).optional(),
});
export const uploadSchema = z.object({ 'os-volume_upload_image': z.object({ image_id: z.string() }) });
export const messagesSchema = z.object({
  messages: z.array(z.object({ user_message: z.string(), resource_uuid: z.string().nullable() })),
});
