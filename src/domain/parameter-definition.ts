/** The kinds of value of a parameter. A `pool` is a boolean or the name of an external network. */
export type ParameterKind = 'text' | 'boolean' | 'seconds' | 'integer' | 'pool' | 'choice' | 'list';

export interface ParameterDefinition {
  kind: ParameterKind;
  /** What the parameter does, for `docs/parameters.md` and the shell's completion. */
  description: string;
  /** The value when the parameter is not given. Unset when there is no default value. */
  default?: string | number | boolean;
  /** The values of a parameter of the kind `choice`. */
  choices?: readonly string[];
  /** The section of `docs/parameters.md` that describes the parameter. */
  group: 'article' | 'placement' | 'result' | 'deadlines' | 'installer' | 'failure';
  /**
   * The software that introduced the parameter, such as the original imagefactory. Unset when this program introduced
   * it.
   */
  origin?: string;
}
