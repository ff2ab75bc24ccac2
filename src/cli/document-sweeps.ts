import { z } from 'zod';
import type { CloudSweep, ProviderSweep, SweptResource, SweptStaging } from '../client/index.js';
import { RESOURCE_KINDS } from '../domain/sweep.js';
import type { Shape } from './document-parts.js';

/* The parts of the JSON document that the command `gc` prints. */

const sweptResource = z.strictObject({
  kind: z.enum(RESOURCE_KINDS),
  id: z.string(),
  name: z.string(),
  build: z.string().optional().describe('The owner: UUID of a build, or first run id of an installation.'),
  age: z.number().nullable().describe('Seconds. Null when the cloud does not report the time.'),
  outcome: z.enum(['removed', 'removable', 'kept', 'failed']),
  why: z.string(),
} satisfies Shape<SweptResource>);

export const sweep = z.strictObject({
  cloud: z.string(),
  resources: z.array(sweptResource),
  unnamed: z.number(),
  postponed: z.number(),
  failure: z.string().optional(),
} satisfies Shape<CloudSweep>);

const sweptStaging = z.strictObject({
  kind: z.string(),
  id: z.string(),
  build: z.string().describe('UUID of the provider image.'),
  age: z.number().nullable().describe('Seconds. Null when the provider does not report the time.'),
  outcome: z.enum(['removed', 'removable', 'kept', 'failed']),
  why: z.string(),
} satisfies Shape<SweptStaging>);

export const providerSweep = z.strictObject({
  provider: z.string(),
  resources: z.array(sweptStaging),
  failure: z.string().optional(),
} satisfies Shape<ProviderSweep>);
