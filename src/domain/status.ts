import type { ImageKind, Phase } from './image-kinds.js';
import type { ResumePointReport } from './messages.js';

/** imagefactory's status words (reference: its Image class), and CANCELED. */
export type ImageStatus =
  'NEW' | 'PENDING' | 'BUILDING' | 'COMPLETE' | 'FAILED' | 'CANCELED' | 'DELETING' | 'DELETED' | 'DELETEFAILED';

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
  /** What to do about it. */
  hint?: string;
  /** The last lines of the instance's console, where there are any. */
  consoleTail?: string;
  /** What could not be removed from the cloud, and why; absent where nothing is left. */
  leftovers?: string[];
}

/** Describes what a JEOS installation has left in the cloud. The build did not create it, so it cannot remove it. */
export function describeInstallerLeftovers(leftovers: string[] = []): string {
  return leftovers.length === 0 ? '' : `; the installer’s run has left in the cloud: ${leftovers.join(', ')}`;
}

/** A held build, which waits for the user's decision. */
export interface HeldBuild {
  /** Name of the step that failed. */
  step: string;
  /** What happened, and what to do about it. */
  message: string;
  hint?: string;
  /** When the wait began, and when the build gives up and cleans up: milliseconds since the epoch. */
  since: number;
  until: number;
  /** Describes what `imagefactory resume` does next. */
  next: string;
  /** Whether the step can be left out. */
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
  /** What the cloud is short of: "quota: instances 10/10". Unset while the build waits only for the builds before it. */
  reason?: string;
  /** Its position in the queue, and how many builds wait there; both are unset when it is its turn. */
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
export function commandsForHeld(uuid: string, held: HeldBuild): [command: string, effect: string][] {
  return [
    [`imagefactory resume ${uuid}`, `tries again: ${held.next}`],
    [`imagefactory resume ${uuid} --template FILE`, 'the same with a corrected template'],
    ...(held.skippable
      ? ([[`imagefactory resume ${uuid} --skip`, `leaves ${held.step} out`]] as [string, string][])
      : []),
    ...(held.hasGuest
      ? ([[`imagefactory ssh ${uuid}`, 'a shell on its instance, as far as that can be reached']] as [string, string][])
      : []),
    [`imagefactory abort ${uuid}`, 'gives the build up, and removes what it has made'],
  ];
}

/** Lists the commands for a build that has ended without an image, each with what it does. */
export function commandsForEnded(
  uuid: string,
  execution: string,
  remains: ResumePointReport | string,
): [command: string, effect: string][] {
  const resume = `imagefactory resume ${uuid}`;
  const isKnown = typeof remains !== 'string';
  const what = isKnown ? remains.what : `what is left of it (not known now: ${remains})`;
  const hasGuest = isKnown && (remains.from === 'instance' || remains.from === 'snapshot');
  const isSwept = execution === 'TERMINATED' || execution === 'TIMED_OUT';
  return [
    [resume, `goes on from ${what}`],
    [`${resume} --template FILE`, 'the same with a corrected template'],
    ...(hasGuest ? ([[`${resume} --from customise`, 'with a new instance from the JEOS']] as [string, string][]) : []),
    ...(isSwept
      ? ([['imagefactory gc', 'removes what it has left, once that is a day old']] as [string, string][])
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
  /** "Debian 12 x86_64". */
  os: string;
  cloud: string;
  steps: StepStatus[];
  /** Milliseconds since the epoch. */
  startedAt: number;
  endedAt?: number;
  /** The workflow that installs the JEOS for this build. */
  jeosWorkflowId?: string;
  /**
   * Instances, addresses and images that belong to the build now, by role: `installer`, `customise`, `address`,
   * `jeos_image`, `base_image`.
   */
  resources: Record<string, string>;
  /** The last lines of a console, as of the last report. */
  consoleTail?: string;
  /** When a user cancelled the build: milliseconds since the epoch. */
  cancelRequestedAt?: number;
  failure?: BuildFailure;
  /** Set while the build waits for its turn to create its instance, or for room in the cloud. */
  waiting?: Waiting;
  /** Set while a step has failed and the build is held (`on_error hold`). */
  held?: HeldBuild;
  /** Descriptions of what a failed build keeps (`on_error keep`), and until when: milliseconds since the epoch. */
  kept?: { resources: string[]; until: number };
  /** Descriptions of what the clean-up has removed from the cloud. */
  removed?: string[];
  /** What could not be removed from the cloud; empty when nothing was left. */
  leftovers?: string[];
}

/**
 * What a running activity heartbeats, so that people can see it (the UI and `imagefactory watch` read it from the
 * pending activity) and a new attempt can go on from it.
 */
export interface Progress {
  /** What is happening: "server is BUILD (spawning)", "waiting for quota: …". */
  message: string;
  /** 0 to 100 within the step. */
  percent?: number;
  /** The last line that the instance's console printed. */
  consoleLine?: string;
  /** Where a new attempt goes on. Only the activity itself reads it. */
  resume?: unknown;
}
