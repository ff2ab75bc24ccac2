import { z } from 'zod';
import type {
  BuildFailure,
  CloudSweep,
  FileReport,
  HeldBuild,
  ImageDeletion,
  Lineage,
  LineageImage,
  PendingActivity,
  Progress,
  ResumePointReport,
  StepStatus,
  SupportedRelease,
  SweptResource,
  Waiting,
} from '../client/index.js';
import { INPUT_SCHEMA, OUTPUT_SCHEMA, PARENT_SCHEMA, RECORD_SCHEMA } from '../domain/record-schema.js';
import { RESOURCE_KINDS } from '../domain/sweep.js';

/*
 * The JSON documents that the commands print with `--output json`. `npm run docs` writes a JSON schema of each to
 * docs/schemas/. `satisfies Shape<T>` demands a row for each property of the type T, so a schema cannot lack a property
 * of the type that it describes.
 */

/** A schema for each property of a type. */
export type Shape<T> = Record<keyof Required<T>, z.ZodType>;

export const identifier = z.string().describe('UUID of the build, its image and its record.');
const milliseconds = z.number().describe('Milliseconds since the epoch.');
export const texts = z.array(z.string());
const buildStatus = RECORD_SCHEMA.shape.status;
const removed = texts.nullable().describe('What was removed: kind and id, or name. Null when this is not known.');
const leftovers = texts.nullable().describe('What could not be removed, each with the reason. Null: not known.');

const problem = z.strictObject({ line: z.number(), column: z.number(), message: z.string() });

export const fileReport = z.strictObject({
  file: z.string(),
  valid: z.boolean(),
  problems: z.array(problem).describe('Line and column are counted from 1.'),
} satisfies Shape<FileReport>);

export const error = z
  .strictObject({
    type: z.string().describe('Kind of the error, for programs; see docs/json.md.'),
    message: z.string(),
    hint: z.string().optional().describe('What the user can do.'),
    files: z.array(fileReport).optional().describe('The mistakes, when files have mistakes.'),
  })
  .describe('Why the command failed. Every document has it exactly when the exit code is not 0.');

/** The document of a command that failed before it had a result. */
export const failed = z.strictObject({
  identifier: identifier.optional(),
  status: z
    .enum(['FAILED', 'UNKNOWN'])
    .describe('FAILED: the command failed. UNKNOWN: Temporal did not answer, so the state of the build is not known.'),
  error,
});

const failure = z
  .strictObject({
    type: z.string(),
    step: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    consoleTail: z.string().optional(),
    leftovers: texts.optional(),
  } satisfies Shape<BuildFailure>)
  .describe('Why the build ended without an image.');

export const deleted = z
  .strictObject({
    at: z.string().describe('ISO 8601.'),
    by: z.string().optional().describe('USER@HOST that gave the command.'),
    removed: texts,
  } satisfies Shape<ImageDeletion>)
  .describe('When and by whom the image was deleted. The `status` of the command `status` is DELETED then.');

const record = RECORD_SCHEMA.partial().extend({
  data: RECORD_SCHEMA.shape.data
    .optional()
    .describe('Path for the bytes of the image on the worker. There is a file only when `downloaded` is true.'),
  downloaded: RECORD_SCHEMA.shape.downloaded
    .optional()
    .describe('Whether the file `data` exists. The parameter `download` makes a build write it.'),
});

export const build = record.extend({
  identifier,
  status: buildStatus,
  failure: failure.optional(),
  removed: removed.optional(),
  leftovers: leftovers.optional(),
  run_id: z
    .string()
    .optional()
    .describe('Temporal’s id of the run. Only of a build that its command does not follow to the end.'),
  resumed: z.string().optional().describe('Only of resume --detach: what the build does now.'),
  cancel_requested: z.boolean().optional().describe('Only of cancel --detach.'),
  deleted: deleted.optional(),
  error: error.optional(),
});

export const image = record.extend({ identifier });

export const lineage = z.strictObject({
  identifier,
  images: z
    .array(
      z.strictObject({
        identifier,
        kind: z
          .enum(['base_image', 'target_image', 'provider_image'])
          .nullable()
          .describe('Null: the store has no record of the image.'),
        name: z.string(),
        target: z.string().nullable(),
        status: buildStatus.nullable(),
        parent: PARENT_SCHEMA.nullable().describe('The image from which this one was made.'),
        children: texts.describe('UUIDs of the images that were made from this one.'),
        inputs: z.array(INPUT_SCHEMA).describe('What the image was made from besides, each with its digest.'),
        outputs: z.array(OUTPUT_SCHEMA).describe('The files that were made.'),
      } satisfies Shape<LineageImage>),
    )
    .describe('Each image stands before its children.'),
  problems: texts.describe('What is wrong with the records, in sentences.'),
} satisfies Shape<Lineage>);

const waiting = z.strictObject({
  queueId: z.string(),
  since: milliseconds,
  reason: z.string().optional(),
  position: z.number().optional(),
  of: z.number().optional(),
} satisfies Shape<Waiting>);

const held = z.strictObject({
  step: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  since: milliseconds,
  until: milliseconds,
  next: z.string(),
  skippable: z.boolean(),
  hasGuest: z.boolean(),
} satisfies Shape<HeldBuild>);

const step = z.strictObject({
  name: z.string(),
  phase: z.string(),
  title: z.string(),
  state: z.enum(['running', 'done', 'failed', 'skipped']),
  startedAt: milliseconds,
  endedAt: milliseconds.optional(),
  note: z.string().optional(),
} satisfies Shape<StepStatus>);

const activity = z.strictObject({
  type: z.string(),
  state: z.enum(['running', 'waiting']),
  attempt: z.number(),
  progress: z
    .strictObject({
      message: z.string(),
      percent: z.number().optional(),
      consoleLine: z.string().optional(),
    } satisfies Shape<Omit<Progress, 'resume'>>)
    .optional(),
  lastFailure: z.string().optional(),
} satisfies Shape<PendingActivity>);

/** The state of a workflow: of a build, or of the shared run that a build waits for. */
const workflow = z.strictObject({
  identifier,
  type: z.enum(['base_image', 'target_image', 'provider_image', 'jeos_image', 'prepared_image']),
  status: buildStatus,
  workflow_id: z.string(),
  execution: z
    .string()
    .nullable()
    .describe('Temporal’s word for the state of the workflow. Null when Temporal has forgotten the workflow.'),
  activities: z.array(activity).describe('What runs now, or waits for its next attempt.'),
  phase: z.string().optional(),
  percent: z.number().optional(),
  name: z.string().optional(),
  os: z.string().optional(),
  cloud: z.string().optional(),
  steps: z.array(step).optional(),
  startedAt: milliseconds.optional(),
  endedAt: milliseconds.optional(),
  jeosWorkflowId: z.string().optional(),
  baseImage: z.string().optional().describe('UUID of the base image of a target image.'),
  preparedWorkflowId: z.string().optional(),
  resources: z.record(z.string(), z.string()).optional(),
  consoleTail: z.string().optional(),
  cancelRequestedAt: milliseconds.optional(),
  failure: failure.optional(),
  waiting: waiting.optional(),
  held: held.optional(),
  kept: z.strictObject({ resources: texts, until: milliseconds }).optional(),
  removed: removed.optional(),
  leftovers: leftovers.optional(),
});

export const status = workflow.extend({
  jeos: workflow.optional().describe('The installer run that the build waits for.'),
  preparation: workflow.optional().describe('The run that prepares the guest for the target image.'),
  workers: z.boolean().optional().describe('Whether a worker polls the task queue; only when the build waits for one.'),
  page: z.string().optional().describe('Page of the run in the Temporal UI.'),
  resumes: z
    .union([
      z.strictObject({ from: z.string(), what: z.string() } satisfies Shape<ResumePointReport>),
      z.strictObject({ unknown: z.string() }),
    ])
    .optional()
    .describe('From where `resume` would go on; `unknown` says why this is not known.'),
  commands: texts.describe('Commands that are possible now.'),
  deleted: deleted.optional(),
});

const release = z.strictObject({
  from: z.string(),
  to: z.string(),
  architectures: texts,
  install_types: z.array(z.enum(['url', 'iso'])),
  install_script: z.string(),
  package_manager: z.string(),
  tried: z.string(),
  reason: z.string().optional(),
  note: z.string().optional(),
} satisfies Shape<
  Pick<SupportedRelease, 'from' | 'to' | 'reason' | 'note'> &
    Record<'architectures' | 'install_types' | 'install_script' | 'package_manager' | 'tried', unknown>
>);

export const plugin = z.strictObject({
  type: z.literal('os'),
  family: z.string(),
  title: z.string(),
  targets: z
    .array(z.tuple([z.string(), z.string().nullable(), z.string()]))
    .describe('Name, version and architecture. A version of null means any version.'),
  versions: z.string(),
  architectures: texts,
  install_types: z.array(z.enum(['url', 'iso'])),
  install_script: texts,
  releases: z.array(release),
  license: z.string(),
});

/** What a target's profile does in the guests of some systems. */
export const targetProfile = z.strictObject({
  name: z.string(),
  variants: z.array(
    z.strictObject({
      systems: texts,
      architectures: texts.describe('Empty: all.'),
      packages: texts,
      drivers: texts.describe('Must be in the initramfs or in the kernel.'),
      modules: texts.describe('Must be in the kernel or among its modules.'),
      kernel_arguments: texts,
      datasources: texts.describe('Of cloud-init. Empty: those of the base image.'),
      besides: z.string().nullable(),
    }),
  ),
});

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
