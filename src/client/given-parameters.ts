import type { BuildParameters } from '../domain/parameters.js';

/**
 * Parameters of a build by name; docs/parameters.md describes each. Every value may also be a text, as on the command
 * line: `'true'` for `true`, `'3600'` for `3600`. `undefined` and `null` mean the default.
 */
export type GivenParameters = {
  readonly [Name in keyof BuildParameters]?: BuildParameters[Name] | string | null | undefined;
};
