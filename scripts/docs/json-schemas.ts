import { format } from 'prettier';
import { z } from 'zod';
import { DOCUMENTS } from '../../src/cli/documents.js';

/** Builds the texts of `docs/schemas/*.json`: the JSON schema of each command's document, by the name of the file. */
export async function jsonSchemas(): Promise<Map<string, string>> {
  const files = Object.entries(DOCUMENTS).map(async ([command, document]): Promise<[string, string]> => {
    const schema = { title: `imagefactory --output json ${command}`, ...z.toJSONSchema(document) };
    return [`${command}.json`, await format(JSON.stringify(schema), { parser: 'json', printWidth: 120 })];
  });
  return new Map(await Promise.all(files));
}
