import { z } from 'zod';
import type { BuildLog, DescribedProvider, Finding, ImageDeletion } from '../client/index.js';
import type { DevServerStatus } from './dev-server/dev-server.js';
import {
  build,
  type deleted,
  error,
  failed,
  fileReport,
  identifier,
  image,
  lineage,
  plugin,
  targetProfile,
  status,
  sweep,
  texts,
  type Shape,
} from './document-parts.js';
import { PARENT_SCHEMA } from '../domain/record-schema.js';
import { formatJson } from './output.js';

const pushes = z.strictObject({
  images: z.array(build).describe('The provider images.'),
  made: z.array(build).describe('The base image and the target images that the command has made first.'),
  error: error.optional(),
});

/** What each command prints when it has a result. A failure without a result has the shape `failed`. */
const RESULTS = {
  base_image: build,
  import_base_image: build,
  target_image: z.strictObject({
    images: z.array(build),
    base_image: build.optional().describe('The base image that the command has built first. Only with --template.'),
    error: error.optional(),
  }),
  provider_image: pushes,
  push: pushes,
  providers: z.strictObject({
    providers: z.array(
      z.strictObject({
        name: z.string(),
        kind: z.string(),
        location: z.string().nullable().describe('Null: the provider could not be connected.'),
        account: z.string().nullable(),
        region: z.string().nullable(),
        findings: z
          .array(
            z.strictObject({
              what: z.string(),
              ok: z.boolean(),
              message: z.string().optional(),
              hint: z.string().optional(),
            } satisfies Shape<Finding>),
          )
          .describe('What was tried. Empty without --check, unless the provider could not be connected.'),
      } satisfies Shape<DescribedProvider>),
    ),
  }),
  init: z.strictObject({
    systems: texts.optional().describe('The systems that there are files for. Only without a system.'),
    files: texts.optional().describe('Paths of the files that were written.'),
    changes: texts.optional().describe('What the user must write into the files, in sentences.'),
    needs: z
      .strictObject({ memory: z.number(), disk: z.number() })
      .optional()
      .describe('What the flavor must have: MiB of memory, GiB of disk.'),
    command: z.string().optional().describe('The command that builds the image, for a shell.'),
  }),
  validate: z.strictObject({ files: z.array(fileReport), error: error.optional() }),
  'install-script': z.strictObject({ kind: z.string(), script: z.string() }),
  images: z.strictObject({ images: z.array(image) }),
  lineage,
  download: z.strictObject({
    identifier,
    file: z.string().describe('Path of the file that was written.'),
    size: z.number().describe('Bytes.'),
    digest: PARENT_SCHEMA.shape.digest.describe('The digest that the file has. Null: none is known.'),
    from: z.enum(['store', 'glance']),
    resumed_at: z.number().describe('Bytes that an earlier, interrupted download had written.'),
  }),
  status,
  watch: build,
  logs: z.strictObject({
    identifier,
    logs: z.array(
      z.strictObject({
        name: z.string().describe('installer, customise, or the name of a step.'),
        kind: z.enum(['console', 'output']),
        at: z.string().describe('When the log was written: ISO 8601.'),
        cut: z.boolean().describe('Whether only the end is kept.'),
        text: z.string(),
      } satisfies Shape<Omit<BuildLog, 'size'> & { text: string }>),
    ),
  }),
  resume: build,
  abort: z.strictObject({ identifier, aborted: z.literal(true) }),
  cancel: build,
  deadline: z.strictObject({ identifier, name: z.string(), seconds: z.number() }),
  delete: z.strictObject({
    identifier,
    removed: texts,
    children: z
      .array(z.strictObject({ identifier, removed: texts }))
      .describe('With --cascade: the images that were made from the image, and were deleted before it.'),
  }),
  gc: z.strictObject({ dry_run: z.boolean(), clouds: z.array(sweep), error: error.optional() }),
  plugins: z.strictObject({ plugins: z.array(plugin) }),
  targets: z.strictObject({
    targets: z.array(
      z.strictObject({
        name: z.string(),
        aliases: texts,
        title: z.string(),
        format: z.string(),
        profile: z.string().nullable().describe('Name in `profiles`. Null when the guest stays as it is.'),
        verified_by: z.string(),
        not_verified_on: z.string().nullable(),
      }),
    ),
    profiles: z.array(targetProfile),
  }),
  dev: z.strictObject({
    running: z.boolean(),
    pid: z.number().optional(),
    address: z.string(),
    ui: z.string(),
    log: z.string(),
  } satisfies Shape<DevServerStatus>),
  setup: z.strictObject({
    namespace: z.string(),
    added: texts.describe('Search attributes that were registered now.'),
    gc_schedule: z.enum(['created', 'updated', 'removed', 'absent']).nullable().describe('Null: not asked for.'),
  }),
  codec: z.strictObject({
    action: z.enum(['new-key', 'serve']),
    id: z.string().optional().describe('new-key: id of the key.'),
    line: z.string().optional().describe('new-key: the line for the file of keys. It is a secret.'),
    address: z.string().optional().describe('serve: where the server listened, printed when it has ended.'),
    origins: texts.optional().describe('serve: the UIs that could send requests.'),
  }),
};

/** The error of a JSON document. */
export type DocumentError = z.input<typeof error>;

/** Commands that print a JSON document when they have a result. */
export type DocumentName = keyof typeof RESULTS;

/**
 * Commands whose standard output is no JSON: what runs in the instance, the log of the worker, or a script for a shell.
 * They print a document only when they fail.
 */
export const WITHOUT_RESULT: readonly string[] = ['ssh', 'worker', 'completion'];

/** The schema of every document that a command prints, by the name of the command. */
export const DOCUMENTS: Readonly<Record<string, z.ZodType>> = Object.fromEntries<z.ZodType>([
  ...Object.entries(RESULTS).map(([name, result]) => [name, z.union([result, failed])] as const),
  ...WITHOUT_RESULT.map((name) => [name, failed] as const),
]);

/** Makes the property `deleted` of a JSON document. */
export function toDeletionDocument({ at, ...others }: ImageDeletion): z.input<typeof deleted> {
  return { at: new Date(at).toISOString(), ...others };
}

/** A JSON document of a command that has a result. */
export type ResultDocument<N extends DocumentName> = z.input<(typeof RESULTS)[N]>;

/** Formats the JSON document of a command that has a result. */
export function formatDocument<N extends DocumentName>(_name: N, document: ResultDocument<N>): string {
  return formatJson(document);
}

/** Formats the JSON document of a command that failed before it had a result. */
export function formatFailedDocument(document: z.input<typeof failed>): string {
  return formatJson(document);
}
