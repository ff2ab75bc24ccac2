import { ApiError } from '../core/http.js';
import { isFields, asList, asText } from '../core/values.js';
import { DISK_FORMATS, type FakeImage } from '../state.js';
import { checkReserved, OWN_PROPERTIES, READ_ONLY } from './image-view.js';

/**
 * Applies a JSON patch of media type `application/openstack-images-v2.1-json-patch` to a copy of an image: all
 * operations, or none.
 */
export function patchImage(image: FakeImage, body: unknown): FakeImage {
  if (!Array.isArray(body)) throw new ApiError(400, 'Request body must be a JSON array of operation objects.');
  const changed: FakeImage = { ...image, properties: { ...image.properties }, tags: [...image.tags] };
  for (const step of body as unknown[]) applyStep(changed, step);
  changed.updatedAt = Date.now();
  return changed;
}

function applyStep(image: FakeImage, step: unknown): void {
  if (!isFields(step)) throw new ApiError(400, 'Operations must be JSON objects.');
  const op = asText(step['op']);
  const path = asText(step['path']);
  if (op === undefined || !['add', 'replace', 'remove'].includes(op))
    throw new ApiError(400, 'Unable to find one of: add, replace, remove in op');
  if (path === undefined || !path.startsWith('/'))
    throw new ApiError(400, 'Pointer `' + String(path) + '` does not start with "/".');
  const name = path.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
  checkReserved(name);
  if (READ_ONLY.has(name)) throw new ApiError(403, `Attribute '${name}' is read-only.`);
  if (OWN_PROPERTIES.has(name)) return applyOwnProperty(image, op, name, step['value']);
  const exists = Object.hasOwn(image.properties, name);
  if (op !== 'add' && !exists) throw conflict(`Property ${name} does not exist.`);
  if (op === 'remove') return void delete image.properties[name];
  const value = step['value'];
  if (typeof value !== 'string') throw schemaError(`${String(value)} is not of type 'string'`);
  image.properties[name] = value;
}

function applyOwnProperty(image: FakeImage, op: string, name: string, value: unknown): void {
  if (op === 'remove') throw new ApiError(403, `Property ${name} may not be removed.`);
  if (name === 'tags') image.tags = [...new Set(asList(value).map(String))];
  else Object.assign(image, checkOwnProperty(name, value));
}

/** Checks that the value of a property that Glance defines has the type in Glance's schema. @throws ApiError 400 */
export function checkOwnProperty(name: string, value: unknown): Partial<FakeImage> {
  const isNumber = name === 'min_disk' || name === 'min_ram';
  const isBoolean = name === 'protected' || name === 'os_hidden';
  if (isNumber && typeof value !== 'number') throw schemaError(`'${String(value)}' is not of type 'integer'`);
  if (isBoolean && typeof value !== 'boolean') throw schemaError(`'${String(value)}' is not of type 'boolean'`);
  if (name === 'disk_format') checkChoice(value, DISK_FORMATS);
  if (name === 'container_format') checkChoice(value, CONTAINER_FORMATS);
  if (name === 'visibility') checkChoice(value, ['community', 'public', 'private', 'shared']);
  if (!isNumber && !isBoolean && typeof value !== 'string' && value !== null)
    throw schemaError(`${String(value)} is not of type 'string'`);
  return { [name]: value };
}

const CONTAINER_FORMATS = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'];

export function checkChoice(value: unknown, choices: readonly string[]): void {
  if (value === null || (typeof value === 'string' && choices.includes(value))) return;
  throw schemaError(`'${String(value)}' is not one of [None, ${choices.map((choice) => `'${choice}'`).join(', ')}]`);
}

export function schemaError(why: string): ApiError {
  return new ApiError(400, `Provided object does not match schema 'image': ${why}`);
}

function conflict(why: string): ApiError {
  return new ApiError(409, `There was a conflict when trying to complete your request.\n${why}`);
}
