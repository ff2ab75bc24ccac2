/**
 * Type `T`, in which each property that may be undefined is optional instead, and never undefined when it is present.
 */
export type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/**
 * Copies an object without the properties whose value is undefined. When the copy is spread over another object, it
 * does not overwrite a value with undefined. `JSON.stringify` leaves out the same properties. Nested objects are copied
 * as they are.
 */
export function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
