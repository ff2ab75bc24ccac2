import type { z } from 'zod';
import { configError, type Environment } from './clouds-yaml.js';
import type { FactoryError } from '../../domain/errors.js';

/** A source of settings. Error messages name the keys of a file, or the variables of the environment. */
export interface Source {
  /** The file's path, or `the environment`. */
  where: string;
  /** The whole entry, for messages: `clouds.yaml: clouds.prod`, or `the environment`. */
  entry: string;
  /** Converts the path of a key, such as `auth.username`, to the name of that key in the source. */
  keyName: (path: string) => string;
  /** Gives the home directory, which replaces `~` in the paths of the settings. */
  env: Environment;
  /** The current directory, at which relative paths of the settings start. */
  directory: string;
}

/** Creates the error for a wrong value of a key. */
export function keyError(source: Source, key: string, what: string, hint?: string): FactoryError {
  return configError(source.where, `${source.keyName(key)} ${what}`, hint);
}

/**
 * Validates a part of an entry.
 * @param pathOf converts the path of a key in the schema to its path in the entry
 */
export function validate<T>(schema: z.ZodType<T>, raw: unknown, source: Source, pathOf = (path: string) => path): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  // The message must not quote the value, because the value may be a password.
  throw keyError(source, pathOf(issue?.path.join('.') ?? ''), issue?.message ?? 'is not readable');
}
