import { ImageFactoryError, type ErrorDetails } from '../domain/errors.js';

/** An error of the command line itself, outside of the library: exit code 1. */
export class CommandError extends ImageFactoryError {
  override readonly name: string = 'CommandError';

  constructor(message: string, details: ErrorDetails = {}) {
    super('Command', message, details);
  }
}

/** The command line or its configuration file is wrong: exit code 2, as Python's argparse has it. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
}
