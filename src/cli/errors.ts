import { ImageFactoryError, type ErrorDetails } from '../domain/errors.js';

/** An error of the command-line program itself, not of the library. The exit code is 1. */
export class CommandError extends ImageFactoryError {
  override readonly name: string = 'CommandError';

  constructor(message: string, details: ErrorDetails = {}, type = 'Command') {
    super(type, message, details);
  }
}

/** The command line or its configuration file is wrong. The exit code is 2, as with Python's argparse. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details, 'Usage');
  }
}

/**
 * A command that follows a build throws this error when it cannot find out how the build goes. The build may still run,
 * or may already be complete. So the exit code is 75 (EX_TEMPFAIL in sysexits.h: try again later), and not 1, which
 * means that the build has failed.
 */
export class OutcomeUnknownError extends CommandError {
  override readonly name = 'OutcomeUnknownError';

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details, 'OutcomeUnknown');
  }
}
