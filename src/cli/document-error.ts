import { ImageFactoryError, InvalidFilesError, type BuildFailure } from '../client/index.js';
import type { DocumentError } from './documents.js';

/** Makes the `error` of a JSON document. An error that is not thrown on purpose has the type `Internal`. */
export function toDocumentError(error: unknown): DocumentError {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ImageFactoryError)) return { type: 'Internal', message };
  return {
    type: String(error.type),
    message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error instanceof InvalidFilesError ? { files: error.reports } : {}),
  };
}

/** Makes the `error` of the document of a command whose build has ended without an image. */
export function describeBuildFailure({ type, message, hint }: BuildFailure): DocumentError {
  return { type, message, ...(hint === undefined ? {} : { hint }) };
}
