/** `T` with every property that may be undefined as an optional property that is never undefined. */
export type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/**
 * Copies an object without the properties whose value is undefined. Spread over another object, the copy does not
 * overwrite a value with undefined; compared or listed key by key, it equals what JSON would make of it.
 * Only the object's own properties are looked at: nested objects are copied as they are.
 */
export function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
