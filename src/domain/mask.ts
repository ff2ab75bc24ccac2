/** What stands in the place of a secret wherever a text leaves the worker. */
export const MASK = '********';
