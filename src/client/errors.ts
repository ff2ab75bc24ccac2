import { ImageFactoryError, type ErrorDetails } from '../domain/errors.js';
import { toPlainLine } from '../domain/plain-text.js';
import type { BuildFailure } from '../domain/status.js';
import type { Problem } from '../tdl/types.js';

/** Kinds of {@link ClientError}. A kind has its own class if a program is likely to handle it separately. */
export type ClientErrorType =
  /** The Temporal configuration, a payload key or a search attribute is wrong. */
  | 'InvalidConfiguration'
  /** See {@link TemporalUnavailableError}. */
  | 'TemporalUnavailable'
  /** Temporal answered, and refused the request. */
  | 'TemporalRefused'
  /** See {@link NoWorkerError}. */
  | 'NoWorker'
  /** A worker took the request and failed, or did not finish in time. */
  | 'WorkerFailed'
  /** See {@link BuildNotFoundError}. */
  | 'BuildNotFound'
  /** See {@link AmbiguousNameError}. */
  | 'AmbiguousName'
  /** See {@link BuildStateError}. */
  | 'BuildState'
  /** See {@link BuildFailedError}. */
  | 'BuildFailed'
  /** See {@link BuildCanceledError}. */
  | 'BuildCanceled'
  /** See {@link PartlyDeletedError}. */
  | 'PartlyDeleted'
  /** See {@link UnreadableFileError}. */
  | 'UnreadableFile'
  /** See {@link InvalidFilesError}. */
  | 'InvalidFiles'
  /** No supported operating system has the requested name. */
  | 'UnknownSystem';

/**
 * An error of the library itself. The message is one sentence for people, `hint` says what to do next, `type` is for
 * programs.
 */
export class ClientError extends ImageFactoryError<ClientErrorType> {
  override readonly name: string = 'ClientError';
}

/** Temporal does not answer: it is down, or the address is wrong. `type` is `TemporalUnavailable`. */
export class TemporalUnavailableError extends ClientError {
  override readonly name = 'TemporalUnavailableError';

  constructor(message: string, details: ErrorDetails = {}) {
    super('TemporalUnavailable', message, details);
  }
}

/** No worker polls the task queue, so the request cannot be carried out now. `type` is `NoWorker`. */
export class NoWorkerError extends ClientError {
  override readonly name = 'NoWorkerError';

  constructor(
    /** The task queue that no worker polls. */
    readonly taskQueue: string,
  ) {
    super('NoWorker', `no worker polls the task queue "${taskQueue}"`, {
      hint: 'start one with `imagefactory worker`',
    });
  }
}

/**
 * Temporal has no build with this UUID. Temporal forgets ended builds after the namespace's retention period;
 * {@link findImage} still finds the records of these builds. `type` is `BuildNotFound`.
 */
export class BuildNotFoundError extends ClientError {
  override readonly name = 'BuildNotFoundError';

  constructor(
    /** The requested UUID. */
    readonly uuid: string,
    details: ErrorDetails = {},
  ) {
    super('BuildNotFound', `No image found with id: ${uuid}`, {
      hint: 'Temporal has no such build; `imagefactory images` lists the images in the store',
      ...details,
    });
  }
}

/**
 * Not all images of a cascade could be deleted. The message names the image that could not be, and why; the hint lists
 * what was deleted before it. A second call deletes what is left. `type` is `PartlyDeleted`.
 */
export class PartlyDeletedError extends ClientError {
  override readonly name = 'PartlyDeletedError';

  constructor(
    /** The image that could not be deleted. */
    readonly uuid: string,
    /** The images that were deleted before it, each with descriptions of what was removed. */
    readonly deleted: { uuid: string; removed: string[] }[],
    cause: unknown,
  ) {
    const { message, hint } = cause as Error & { hint?: string };
    super('PartlyDeleted', `image ${uuid} could not be deleted: ${message}`, {
      hint: [
        ...(hint === undefined ? [] : [hint]),
        ...deleted.map((image) => `deleted before it: ${image.uuid} (${image.removed.join(', ')})`),
        'the same command deletes what is left',
      ].join('\n'),
      cause,
    });
  }
}

/** A build among those that a text may mean. */
export interface NamedBuild {
  uuid: string;
  /** Name of the template. Empty when it is not known. */
  name: string;
  /** Status of the build, or the state of its workflow. */
  status: string;
  /** When the build was started: ISO 8601. */
  startedAt: string;
}

/**
 * Several builds have the given template's name, or a UUID with the given beginning. `type` is `AmbiguousName`. The
 * hint lists the builds.
 */
export class AmbiguousNameError extends ClientError {
  override readonly name = 'AmbiguousNameError';

  constructor(
    /** The text that several builds match. */
    readonly text: string,
    /** The builds, newest first; at most ten. */
    readonly builds: NamedBuild[],
    hasMore: boolean,
  ) {
    const lines = builds.map(({ uuid, name, status, startedAt }) => {
      const started = startedAt.slice(0, 16).replace('T', ' ');
      return toPlainLine(`${uuid} (${status}, started ${started} UTC, template ${name})`);
    });
    const more = hasMore ? ['… and more'] : [];
    super('AmbiguousName', `several builds match ${JSON.stringify(text)}`, {
      hint: ['give the UUID of one of them, or enough of its beginning:', ...lines, ...more].join('\n'),
    });
  }
}

/**
 * The build is in a state that does not allow the request: for example, it has ended, is not held, or still runs.
 * `type` is `BuildState`.
 */
export class BuildStateError extends ClientError {
  override readonly name = 'BuildStateError';

  constructor(
    /** UUID of the build. */
    readonly uuid: string,
    message: string,
    details: ErrorDetails = {},
  ) {
    super('BuildState', message, details);
  }
}

/** The build failed, and made no image. `hint` says what to do about the failure. `type` is `BuildFailed`. */
export class BuildFailedError extends ClientError {
  override readonly name = 'BuildFailedError';

  constructor(
    /** UUID of the build. */
    readonly uuid: string,
    /** The step that failed, the kind of failure, the end of the console, what is left in the cloud. */
    readonly failure: BuildFailure,
  ) {
    const step = failure.step === '' ? '' : ` in step ${failure.step}`;
    super('BuildFailed', `build ${uuid} failed${step}: ${failure.message}`, { hint: failure.hint });
  }
}

/** The build was canceled, and made no image. `type` is `BuildCanceled`. */
export class BuildCanceledError extends ClientError {
  override readonly name = 'BuildCanceledError';

  constructor(
    /** UUID of the build. */
    readonly uuid: string,
  ) {
    super('BuildCanceled', `build ${uuid} was canceled`);
  }
}

/** A template or an install script cannot be read from its file. `type` is `UnreadableFile`. */
export class UnreadableFileError extends ClientError {
  override readonly name = 'UnreadableFileError';

  constructor(
    /** Path as it was given. */
    readonly file: string,
    cause: unknown,
  ) {
    super('UnreadableFile', `${file} cannot be read: ${describeFileError(cause)}`, { cause });
  }
}

/** A template or an install script has mistakes; nothing was started. `type` is `InvalidFiles`. */
export class InvalidFilesError extends ClientError {
  override readonly name = 'InvalidFilesError';

  constructor(
    /** One report for each file that was checked, the valid ones included. */
    readonly reports: FileReport[],
  ) {
    const invalid = reports.filter(({ valid }) => !valid).map(({ file }) => file);
    super('InvalidFiles', `there are mistakes in ${invalid.join(' and ')}; nothing was started`);
  }
}

/** The mistakes in one file. The command `validate` prints such reports as JSON. */
export interface FileReport {
  /** Path or name of the file. */
  file: string;
  /** Whether the file has no mistakes. */
  valid: boolean;
  /** The mistakes, with line and column, both counted from 1. */
  problems: Problem[];
}

/** Formats the mistakes of a file as compilers do: one `file:line:column: message` for each. */
export function formatProblems(report: FileReport): string[] {
  return report.problems.map(({ line, column, message }) =>
    toPlainLine(`${report.file}:${line}:${column}: ${message}`),
  );
}

/** Returns the operating system's message about a file, without the error code and the path that Node adds. */
export function describeFileError(error: unknown): string {
  return (error as Error).message.replace(/^[A-Z]+: /, '').replace(/, \w+( '.*')?$/, '');
}
