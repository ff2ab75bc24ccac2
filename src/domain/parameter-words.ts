import type { ParameterDefinition, ParameterKind } from './parameter-definition.js';

/** The groups of parameters, with their titles for people, in the order in which people read them. */
export const PARAMETER_GROUPS: readonly (readonly [ParameterDefinition['group'], string])[] = [
  ['article', 'The usual ones'],
  ['placement', 'Where the instances run'],
  ['result', 'The result'],
  ['installer', 'The installer and the JEOS'],
  ['deadlines', 'Deadlines'],
  ['failure', 'When a step fails'],
];

/** What people call the kinds of value. */
export const KIND_WORDS: Record<ParameterKind, string> = {
  text: 'text',
  boolean: 'boolean',
  seconds: 'seconds',
  integer: 'whole number',
  pool: 'boolean or text',
  choice: 'one of its values',
  list: 'list',
};

/** Formats a default value as a user may write it: `True`, `3600`. Returns `empty` for an empty text. */
export function formatDefault(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === '' ? 'empty' : String(value);
}
