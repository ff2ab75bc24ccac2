/** What differs between the kinds of images, as far as every kind has it. */
interface ImageKindDefinition {
  /** Temporal's workflow type. */
  workflow: string;
  /** For people: "Base Image". */
  title: string;
  /** Class name that imagefactory wrote into its records; absent where the kind has no record of its own. */
  recordType?: string;
  /** The phases in order, with the percent of a build at which each begins. `cleanup` is the last of every kind. */
  phases: Readonly<Record<string, number>> & { cleanup: number };
}

/**
 * Every kind of image that a workflow builds. A new kind is a row here, a workflow file with its phases and steps, its
 * input and its part of the record.
 */
const IMAGE_KINDS = {
  base_image: {
    workflow: 'baseImage',
    title: 'Base Image',
    recordType: 'BaseImage',
    // An installation takes about as long as everything else together.
    phases: { plan: 0, jeos: 3, customise: 50, publish: 85, cleanup: 95 },
  },
  jeos_image: {
    workflow: 'jeosImage',
    title: 'JEOS',
    phases: { plan: 0, jeos: 3, publish: 90, cleanup: 95 },
  },
} as const satisfies Record<string, ImageKindDefinition>;

/** A kind of image; the prefix of its workflows' ids and the value of the search attribute. */
export type ImageKind = keyof typeof IMAGE_KINDS;

/** A phase of a kind; without an argument, a phase of any kind. */
export type Phase<K extends ImageKind = ImageKind> = {
  [Kind in ImageKind]: keyof (typeof IMAGE_KINDS)[Kind]['phases'] & string;
}[K];

/** The phases of a kind, in order. */
export function listPhases<K extends ImageKind>(kind: K): Phase<K>[] {
  return Object.keys(IMAGE_KINDS[kind].phases) as Phase<K>[];
}

/** Percent of a build at which a phase begins; 100 for what follows the last one. */
export function startPercent(kind: ImageKind, phase: string | undefined): number {
  const phases: Readonly<Record<string, number>> = IMAGE_KINDS[kind].phases;
  return phase === undefined ? 100 : (phases[phase] ?? 0);
}

/** The kinds that users ask for by a UUID of their own: those with a record. */
export type RecordedKind = {
  [K in ImageKind]: (typeof IMAGE_KINDS)[K] extends { recordType: string } ? K : never;
}[ImageKind];

/** The class name in the records of a kind. */
export type RecordType = { [K in RecordedKind]: (typeof IMAGE_KINDS)[K]['recordType'] }[RecordedKind];

/** The kinds with a record, in the order in which an image is looked for by its UUID alone. */
const RECORDED_KINDS = (Object.keys(IMAGE_KINDS) as ImageKind[]).filter(
  (kind): kind is RecordedKind => 'recordType' in IMAGE_KINDS[kind],
);

/** The workflow id of an image's build. */
export function workflowIdFor(kind: RecordedKind, uuid: string): string {
  return `${kind}-${uuid}`;
}

/** The UUID in a workflow id made by {@link workflowIdFor}; any other text as it is. */
export function stripKind(workflowId: string): string {
  const kind = RECORDED_KINDS.find((candidate) => workflowId.startsWith(`${candidate}-`));
  return kind === undefined ? workflowId : workflowId.slice(kind.length + 1);
}
