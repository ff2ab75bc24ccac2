import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';

const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });

/**
 * Checks what a command printed with `--output json`: exactly one document, which matches the schema of the command in
 * docs/schemas/, with an `error` exactly when the exit code is not 0. Returns the document.
 */
export function checkDocument(command: string, code: number, stdout: string): Record<string, unknown> {
  const document = JSON.parse(stdout) as Record<string, unknown>;
  const file = join(process.cwd(), 'docs', 'schemas', `${command}.json`);
  const validate =
    ajv.getSchema(command) ??
    ajv.addSchema(JSON.parse(readFileSync(file, 'utf8')) as AnySchemaObject, command).getSchema(command);
  assert.ok(validate?.(document), `${command}: ${ajv.errorsText(validate?.errors)}\n${stdout}`);
  assert.equal('error' in document, code !== 0, `exit code ${code}: ${stdout}`);
  return document;
}
