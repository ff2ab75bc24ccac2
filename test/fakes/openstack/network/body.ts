import { ApiError } from '../core/http.js';
import { isFields, type Fields } from '../core/values.js';

/** Reads the object with the name of the resource from a body. @throws ApiError 400 when the body has no such object */
export function readResource(body: unknown, name: string): Fields {
  const value = isFields(body) ? body[name] : undefined;
  if (isFields(value)) return value;
  throw new ApiError(400, 'Body contains invalid data');
}

/** Checks that a request has no unknown attributes, which Neutron refuses. @throws ApiError 400 */
export function checkAttributes(given: Fields, known: string[]): void {
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  if (unknown.includes('tags')) throw new ApiError(400, "Attribute 'tags' not allowed in POST");
  throw new ApiError(400, `Unrecognized attribute(s) '${unknown.join(', ')}'`);
}
