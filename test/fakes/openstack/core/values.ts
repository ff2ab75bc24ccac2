/** Functions that read JSON values of unknown types, and functions that format times as OpenStack does. */
import { ApiError } from './http.js';

export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads an object. @throws ApiError 400 when the value is not an object */
export function asFields(value: unknown, what = 'body'): Fields {
  if (isFields(value)) return value;
  throw new ApiError(400, `Malformed request ${what}`);
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function asTextOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

export function asTextMap(value: unknown): Record<string, string> {
  if (!isFields(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]));
}

/** Formats a time in milliseconds since the epoch as `2026-11-23T00:53:32Z`. */
export function formatSeconds(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** Formats a time in milliseconds since the epoch as `2026-11-23T00:53:32.123000`. */
export function formatMicros(time: number): string {
  return `${new Date(time).toISOString().slice(0, 23)}000`;
}

/**
 * Formats a time in milliseconds since the epoch as `2026-11-23T00:53:32.000000`. Glance and Cinder print microseconds,
 * which are always 0, because their databases store whole seconds.
 */
export function formatWholeSeconds(time: number): string {
  return formatMicros(time - (time % 1000));
}

/** Splits the values of a query parameter at their commas. `values` has one element for each use of the parameter. */
export function splitCsv(values: string[]): string[] {
  return values.flatMap((value) => value.split(',')).filter((value) => value !== '');
}
