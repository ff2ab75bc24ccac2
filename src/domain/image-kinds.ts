/** The values that every kind of image defines for itself. */
interface ImageKindDefinition {
  /** Temporal's type of the workflow that builds the image. */
  workflow: string;
  /** Name of the kind for people: "Base Image". */
  title: string;
  /** Class name in the records of the original imagefactory (Python). Unset when the kind has no record of its own. */
  recordType?: string;
  /** The phases in order, each with the percentage of the build at which it begins. Every kind ends with `cleanup`. */
  phases: Readonly<Record<string, number>> & { cleanup: number };
}

/**
 * Every kind of image that a workflow builds. A new kind needs a row here, a workflow file with its phases and steps,
 * an input, and a part of the record.
 */
const IMAGE_KINDS = {
  base_image: {
    workflow: 'baseImage',
    title: 'Base Image',
    recordType: 'BaseImage',
    // An installation takes about as long as everything else together.
    phases: { plan: 0, jeos: 3, customise: 50, publish: 85, cleanup: 95 },
  },
  target_image: {
    workflow: 'targetImage',
    title: 'Target Image',
    recordType: 'TargetImage',
    phases: { plan: 0, prepare: 3, fetch: 30, convert: 45, verify: 80, cleanup: 95 },
  },
  provider_image: {
    workflow: 'providerImage',
    title: 'Provider Image',
    recordType: 'ProviderImage',
    phases: { plan: 0, upload: 3, register: 75, share: 90, cleanup: 95 },
  },
  jeos_image: {
    workflow: 'jeosImage',
    title: 'JEOS',
    phases: { plan: 0, jeos: 3, publish: 90, cleanup: 95 },
  },
  prepared_image: {
    workflow: 'preparedImage',
    title: 'Prepared Image',
    phases: { plan: 0, customise: 3, publish: 80, cleanup: 95 },
  },
} as const satisfies Record<string, ImageKindDefinition>;

/**
 * A kind of image: the value of the search attribute `ImageFactoryType`. If a kind has a record, the ids of its
 * workflows begin with the name of the kind.
 */
export type ImageKind = keyof typeof IMAGE_KINDS;

/** A phase of the given kind of image. Without a type argument: a phase of any kind. */
export type Phase<K extends ImageKind = ImageKind> = {
  [Kind in ImageKind]: keyof (typeof IMAGE_KINDS)[Kind]['phases'] & string;
}[K];

/** Returns the phases of a kind, in order. */
export function listPhases<K extends ImageKind>(kind: K): Phase<K>[] {
  return Object.keys(IMAGE_KINDS[kind].phases) as Phase<K>[];
}

/**
 * Returns the percentage of a build at which a phase begins. An undefined `phase` means that the last phase has ended;
 * then the function returns 100.
 */
export function startPercent(kind: ImageKind, phase: string | undefined): number {
  const phases: Readonly<Record<string, number>> = IMAGE_KINDS[kind].phases;
  return phase === undefined ? 100 : (phases[phase] ?? 0);
}

/** The kinds of images that have a record. Users give them a UUID and find them by it. */
export type RecordedKind = {
  [K in ImageKind]: (typeof IMAGE_KINDS)[K] extends { recordType: string } ? K : never;
}[ImageKind];

/** The class name in the records of a kind. */
export type RecordType = { [K in RecordedKind]: (typeof IMAGE_KINDS)[K]['recordType'] }[RecordedKind];

/** Returns the kind whose records have the given class name. Default: a base image. */
export function findRecordedKind(recordType: RecordType = 'BaseImage'): RecordedKind {
  return RECORDED_KINDS.find((candidate) => IMAGE_KINDS[candidate].recordType === recordType) ?? 'base_image';
}

/** Returns Temporal's type of the workflow that builds images of a kind. */
export function getWorkflowType(kind: ImageKind): string {
  return IMAGE_KINDS[kind].workflow;
}

/** Returns the name of a kind for people: "Base Image". */
export function getTitle(kind: ImageKind): string {
  return IMAGE_KINDS[kind].title;
}

/** The kinds of images that have a record. Their workflow ids begin with the kind. */
export const RECORDED_KINDS = (Object.keys(IMAGE_KINDS) as ImageKind[]).filter(
  (kind): kind is RecordedKind => 'recordType' in IMAGE_KINDS[kind],
);

/** Returns the workflow id of an image's build. */
export function workflowIdFor(kind: RecordedKind, uuid: string): string {
  return `${kind}-${uuid}`;
}

/** Returns the kind in a workflow id that {@link workflowIdFor} has made. Returns undefined for any other text. */
export function readKind(workflowId: string): RecordedKind | undefined {
  return RECORDED_KINDS.find((candidate) => workflowId.startsWith(`${candidate}-`));
}

/** Returns the UUID in a workflow id that {@link workflowIdFor} has made. Returns any other text unchanged. */
export function stripKind(workflowId: string): string {
  const kind = readKind(workflowId);
  return kind === undefined ? workflowId : workflowId.slice(kind.length + 1);
}
