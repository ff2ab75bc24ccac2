import type { Masker } from './masker.js';

/**
 * The keys of results and heartbeats whose texts are for people: they may quote a guest, an installer or a cloud. All
 * other texts are data, such as ids, names and digests. We do not mask data: a weak password (`debian`) may be part of
 * an id, and a masked id would break the build.
 */
const TEXT_KEYS = new Set([
  'consoleLine',
  'consoleTail',
  'hint',
  'leftovers',
  'message',
  'note',
  'notes',
  'reason',
  'removed',
  'resources',
  'tail',
  'title',
  'warnings',
  'what',
]);

/** Copies a value, and masks the secrets in its texts for people, recursively. */
export function maskTexts<T>(value: T, masker: Masker): T {
  return maskValue(value, masker, false) as T;
}

/** Copies a value, and masks the secrets in all its texts. */
export function maskAllTexts<T>(value: T, masker: Masker): T {
  return maskValue(value, masker, true) as T;
}

function maskValue(value: unknown, masker: Masker, isText: boolean): unknown {
  if (typeof value === 'string') return isText ? masker.mask(value) : value;
  if (Array.isArray(value)) return value.map((item) => maskValue(item, masker, isText));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      maskValue(item, masker, isText || (TEXT_KEYS.has(key) && !isListOfObjects(item))),
    ]),
  );
}

/** Whether a value is a list of documents, whose own keys say what is text: the `resources` of a registered image. */
function isListOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.some((item) => typeof item === 'object');
}
