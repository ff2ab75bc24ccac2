/** Reading values of unknown shape, and the forms in which OpenStack writes times. */
import { ApiError } from './http.js';

export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an object. @throws ApiError 400 */
export function fields(value: unknown, what = 'body'): Fields {
  if (isFields(value)) return value;
  throw new ApiError(400, `Malformed request ${what}`);
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

export function texts(value: unknown): Record<string, string> {
  if (!isFields(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]));
}

/** `2026-11-23T00:53:32Z` */
export function seconds(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** `2026-11-23T00:53:32.000000` */
export function micros(time: number): string {
  return `${new Date(time).toISOString().slice(0, 23)}000`;
}

/** Comma-separated lists, repeated or not. */
export function csv(values: string[]): string[] {
  return values.flatMap((value) => value.split(',')).filter((value) => value !== '');
}
