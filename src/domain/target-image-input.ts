import { FactoryError } from './errors.js';

/** Input of targetImage: converts a base image to the format of a target. */
export interface TargetImageInput {
  /** The target image's UUID (version 4), which the client chooses; the workflow's id is `target_image-<uuid>`. */
  uuid: string;
  /** Name of the target, as in the table of targets: `ec2`, `vsphere`. */
  target: string;
  /** UUID of the base image. */
  baseImage: string;
  /** The cloud that has the base image, by its name on the worker. */
  cloud: string;
  parameters: TargetParameters;
  /** Seconds without a heartbeat after which Temporal tries a step again, on any worker. Default 60. */
  heartbeatTimeout?: number;
}

const COMPRESSIONS = ['none', 'zlib', 'zstd'] as const;

/** How a target image is made. */
export interface TargetParameters {
  /** How the data of a qcow2 file is compressed. Default `none`. Formats with a compression of their own ignore it. */
  compression?: (typeof COMPRESSIONS)[number];
  /**
   * Whether the guest gets what its target needs (docs/targets.md): `builtin`, or `none` for a base image that is
   * converted as it is. Default `builtin`.
   */
  target_profile?: (typeof PROFILE_CHOICES)[number];
  /** Text of a `target_content.xml` with what the guest gets besides. Default: nothing. */
  target_content?: string;
}

const PROFILE_CHOICES = ['builtin', 'none'] as const;

/** What users read about a parameter of a target image. */
interface TargetParameterDefinition {
  /** The values that the parameter may have. Unset: any text. */
  choices?: readonly string[];
  /** The meaning, with the default, in one sentence. */
  description: string;
}

/** Every parameter of a target image. */
export const TARGET_PARAMETERS: { readonly [K in keyof Required<TargetParameters>]: TargetParameterDefinition } = {
  compression: {
    choices: COMPRESSIONS,
    description: 'How the data of a qcow2 file is compressed; default none.',
  },
  target_profile: {
    choices: PROFILE_CHOICES,
    description: 'Whether the guest gets what its target needs (see `targets`), in an instance; default builtin.',
  },
  target_content: {
    description: 'Text of a target_content.xml: what the guest gets besides; give it with --file-parameter.',
  },
};

/** Checks the parameters of a target image. @throws FactoryError InvalidParameter */
export function parseTargetParameters(given: Readonly<Record<string, unknown>>): TargetParameters {
  const parsed = Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, parseValue(name, value)]);
  return Object.fromEntries(parsed) as TargetParameters;
}

function parseValue(name: string, value: unknown): string {
  if (!Object.hasOwn(TARGET_PARAMETERS, name)) {
    throw new FactoryError('InvalidParameter', `a target image has no parameter ${JSON.stringify(name)}`, {
      hint: `the parameters of a target image are: ${Object.keys(TARGET_PARAMETERS).join(', ')}`,
    });
  }
  const { choices } = TARGET_PARAMETERS[name as keyof TargetParameters];
  if (typeof value === 'string' && (choices?.includes(value) ?? true)) return value;
  throw new FactoryError('InvalidParameter', `${name} cannot be ${JSON.stringify(value)}`, {
    hint: choices === undefined ? `${name} is a text` : `${name} is one of: ${choices.join(', ')}`,
  });
}
