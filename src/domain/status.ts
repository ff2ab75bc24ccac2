import type { ImageKind, Phase } from './image-kinds.js';
import type { ResumePointReport } from './messages.js';

/** The status words of the original imagefactory (Python; see its Image class), and HELD and CANCELED. */
export type ImageStatus =
  | 'NEW'
  | 'PENDING'
  | 'BUILDING'
  | 'HELD'
  | 'COMPLETE'
  | 'FAILED'
  | 'CANCELED'
  | 'DELETING'
  | 'DELETED'
  | 'DELETEFAILED';

/** One step of a build, as the user sees it. */
export interface StepStatus {
  /** Stable name, e.g. `installer.wait`, `command:2 tidy`. */
  name: string;
  phase: Phase;
  /** What the step does: "wait until the installer powers its machine off". */
  title: string;
  state: 'running' | 'done' | 'failed' | 'skipped';
  /** Milliseconds since the epoch. */
  startedAt: number;
  endedAt?: number;
  /** One line about the result: "reused image 2f…", "214 packages". */
  note?: string;
}

/** Why a build ended without an image. */
export interface BuildFailure {
  /** An `ErrorType`. */
  type: string;
  /** Name of the step that failed. */
  step: string;
  /** What happened, with the cloud's own words. */
  message: string;
  /** What the user can do. Unset when there is no advice. */
  hint?: string;
  /** The last lines of the instance's console. Unset when there are none. */
  consoleTail?: string;
  /** Resources that could not be removed from the cloud, each with the reason. Unset when there are none. */
  leftovers?: string[];
}

/**
 * Describes the resources that a JEOS installation has left in the cloud. The build did not create them, so it cannot
 * remove them.
 */
export function describeInstallerLeftovers(leftovers: string[] = []): string {
  return leftovers.length === 0
    ? ''
    : `; the installer run has left these resources in the cloud: ${leftovers.join(', ')}`;
}

/** A held build, which waits for the user's decision. */
export interface HeldBuild {
  /** Name of the step that failed. */
  step: string;
  /** What happened. `hint` says what the user can do. */
  message: string;
  hint?: string;
  /** When the hold began, and when the build stops waiting and cleans up: milliseconds since the epoch. */
  since: number;
  until: number;
  /** Title of the failed step, which `imagefactory resume` runs again. */
  next: string;
  /** Whether the user can skip the failed step. */
  skippable: boolean;
  /** Whether the build has an instance that the user can log in to. */
  hasGuest: boolean;
}

/** A build that waits in the create queue of its project, before it creates its instance. */
export interface Waiting {
  /** Workflow id of the project's create queue. */
  queueId: string;
  /** Milliseconds since the epoch. */
  since: number;
  /**
   * What the cloud has too little of: "quota: instances 10/10". Unset while the build waits only for the builds before
   * it.
   */
  reason?: string;
  /** The build's position in the queue, and how many builds wait there. Both are unset when it is the build's turn. */
  position?: number;
  of?: number;
}

/** Describes the wait: "waiting in the queue: 12th of 40"; "waiting for quota: instances 10/10". */
export function describeWaiting({ position, of, reason }: Waiting): string {
  if (position === undefined) return reason === undefined ? 'waiting for its turn' : `waiting for ${reason}`;
  return `waiting in the queue: ${ordinal(position)} of ${of}${reason === undefined ? '' : `; the first waits for ${reason}`}`;
}

function ordinal(number: number): string {
  const teens = number % 100 > 10 && number % 100 < 14;
  return `${number}${(teens ? undefined : ['th', 'st', 'nd', 'rd'][number % 10]) ?? 'th'}`;
}

/** Lists the commands for a held build, each with what it does. */
export function commandsForHeld(
  { uuid, type }: Pick<BuildStatus, 'uuid' | 'type'>,
  held: HeldBuild,
): [command: string, effect: string][] {
  return [
    [`imagefactory resume ${uuid}`, `tries again: ${held.next}`],
    ...withTemplate(uuid, type),
    ...(held.skippable
      ? ([[`imagefactory resume ${uuid} --skip`, `skips step ${held.step}`]] as [string, string][])
      : []),
    ...(held.hasGuest
      ? ([[`imagefactory ssh ${uuid}`, 'opens a shell on the instance, if it is reachable']] as [string, string][])
      : []),
    [`imagefactory abort ${uuid}`, 'ends the build, and removes what it has created'],
  ];
}

/** A target image has no template of its own. */
function withTemplate(uuid: string, type: ImageKind): [command: string, effect: string][] {
  if (type === 'target_image' || type === 'provider_image') return [];
  return [[`imagefactory resume ${uuid} --template FILE`, 'the same with a corrected template']];
}

/** Lists the commands for a build that has ended without an image, each with what it does. */
export function commandsForEnded(
  { uuid, type }: Pick<BuildStatus, 'uuid' | 'type'>,
  execution: string,
  remains: ResumePointReport | string,
): [command: string, effect: string][] {
  const resume = `imagefactory resume ${uuid}`;
  const isKnown = typeof remains !== 'string';
  const what = isKnown ? remains.what : `what is left of the build (not known now: ${remains})`;
  const hasGuest = isKnown && (remains.from === 'instance' || remains.from === 'snapshot');
  const isSwept = execution === 'TERMINATED' || execution === 'TIMED_OUT';
  return [
    [resume, `goes on from ${what}`],
    ...withTemplate(uuid, type),
    ...(hasGuest ? ([[`${resume} --from customise`, 'with a new instance from the JEOS']] as [string, string][]) : []),
    ...(isSwept
      ? ([['imagefactory gc', 'removes the build’s resources, when they are a day old']] as [string, string][])
      : []),
  ];
}

/** The answer to the query `status`. */
export interface BuildStatus {
  uuid: string;
  /** The kind of image; `jeos_image` for the shared installer run. */
  type: ImageKind;
  status: ImageStatus;
  phase: Phase;
  /** 0 to 100. */
  percent: number;
  /** The TDL's name. Empty until the template is read. */
  name: string;
  /** Label of the operating system: "Debian 12 x86_64". Empty until the template is read. */
  os: string;
  cloud: string;
  steps: StepStatus[];
  /** Milliseconds since the epoch. */
  startedAt: number;
  endedAt?: number;
  /** Id of the workflow that installs the JEOS for this build. Unset until the build looks for its JEOS. */
  jeosWorkflowId?: string;
  /** UUID of the base image that a target image is made from. Unset for other kinds of images. */
  baseImage?: string;
  /** UUID of the target image that is pushed. Only for a provider image. */
  targetImage?: string;
  /** Id of the workflow that prepares the guest for this target image. Unset when nothing has to be prepared. */
  preparedWorkflowId?: string;
  /**
   * Instances, addresses and images that belong to the build now, by role: `installer`, `customise`, `address`,
   * `jeos_image`, `base_image`.
   */
  resources: Record<string, string>;
  /** The last lines of the installer's console. Unset until the installer has powered its machine off. */
  consoleTail?: string;
  /** When a user cancelled the build: milliseconds since the epoch. */
  cancelRequestedAt?: number;
  failure?: BuildFailure;
  /** Set while the build waits for its turn to create its instance, or for room in the cloud. */
  waiting?: Waiting;
  /** Set while a step has failed and the build is held (`on_error hold`). */
  held?: HeldBuild;
  /** The resources that a failed build keeps (`on_error keep`), and until when: milliseconds since the epoch. */
  kept?: { resources: string[]; until: number };
  /** The resources that the clean-up has removed from the cloud. Unset until then. */
  removed?: string[];
  /** The resources that could not be removed from the cloud; empty when nothing was left. Unset until the clean-up. */
  leftovers?: string[];
}

/** Returns the id of the shared run that a build waits for now. Undefined when it waits for none. */
export function findAwaitedRun({ phase, jeosWorkflowId, preparedWorkflowId }: BuildStatus): string | undefined {
  if (phase === 'jeos') return jeosWorkflowId;
  return phase === 'prepare' ? preparedWorkflowId : undefined;
}

/**
 * The heartbeat of a running activity. The UI and `imagefactory watch` read it from the pending activity and show it to
 * people. A new attempt of the activity continues from it.
 */
export interface Progress {
  /** What is happening: "instance is BUILD (spawning)", "waiting for quota: instances 10/10". */
  message: string;
  /** 0 to 100 within the step. */
  percent?: number;
  /** The last line that the instance's console printed. */
  consoleLine?: string;
  /** The point from which a new attempt continues. Only the activity itself reads it. */
  resume?: unknown;
}
