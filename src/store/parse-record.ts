import { z } from 'zod';
import { FactoryError } from '../domain/errors.js';
import type { BuildRecord } from '../domain/record.js';
import { RECORD_SCHEMA } from '../domain/record-schema.js';

/** Parses the text of `<uuid>.meta`. @throws FactoryError StoreFailed, whose message names the wrong field */
export function parseRecord(text: string, uuid: string): BuildRecord {
  const name = `${uuid}.meta`;
  const result = RECORD_SCHEMA.safeParse(parseJson(text, name));
  if (!result.success)
    throw new FactoryError('StoreFailed', `${name} is not a valid record: ${z.prettifyError(result.error)}`);
  if (result.data.identifier !== uuid)
    throw new FactoryError('StoreFailed', `${name} contains the record of another image (${result.data.identifier})`);
  return result.data;
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // We do not pass on the parser's message: it quotes the text, which may contain passwords.
    throw new FactoryError('StoreFailed', `${name} is not valid JSON`, {
      cause: error instanceof SyntaxError ? undefined : error,
    });
  }
}
