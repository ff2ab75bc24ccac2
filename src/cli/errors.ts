import { ImageFactoryError, type ErrorDetails } from '../domain/errors.js';

/** An error of the command-line program itself, not of the library. The exit code is 1. */
export class CommandError extends ImageFactoryError {
  override readonly name: string = 'CommandError';

  constructor(message: string, details: ErrorDetails = {}) {
    super('Command', message, details);
  }
}

/** The command line or its configuration file is wrong. The exit code is 2, as with Python's argparse. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
}

/**
 * A command that follows a build cannot learn how the build goes: the build may run, or may have its image. The exit
 * code is 75, the code for "try again later" in sysexits.h, and never the 1 of a build that has failed.
 */
export class OutcomeUnknownError extends CommandError {
  override readonly name = 'OutcomeUnknownError';
}
