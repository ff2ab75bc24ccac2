import { defined } from './defined.js';
import { FactoryError } from './errors.js';
import type { ResumeRequest } from './messages.js';
import { parseParameters } from './parameters.js';

/** Input of targetImage: converts a base image to the format of a target. */
export interface TargetImageInput {
  /**
   * The target image's UUID, which the client derives from the base image, the target and the parameters; the
   * workflow's id is `target_image-<uuid>`.
   */
  uuid: string;
  /** Name of the target, as in the table of targets: `ec2`, `vsphere`. */
  target: string;
  /** UUID of the base image. */
  baseImage: string;
  /** The cloud that has the base image, by its name on the worker. */
  cloud: string;
  parameters: TargetParameters;
  /**
   * Whether the base image may still be built, so that this build waits for it. Default false: the base image must be
   * complete.
   */
  waitForBase?: boolean;
  /** Seconds without a heartbeat after which Temporal tries a step again, on any worker. Default 60. */
  heartbeatTimeout?: number;
}

const COMPRESSIONS = ['none', 'zlib', 'zstd'] as const;
const VERIFICATIONS = ['compare', 'boot'] as const;
const PROFILE_CHOICES = ['builtin', 'none'] as const;

/** How a target image is made. */
export interface TargetParameters {
  /** How the data of a qcow2 file is compressed. Default `none`. Formats with a compression of their own ignore it. */
  compression?: (typeof COMPRESSIONS)[number];
  /**
   * How the file is verified. `compare`: its disk is compared with the base image. `boot`: also booted by QEMU on the
   * worker, in a machine with the target's own controllers. Default `compare`.
   */
  verify?: (typeof VERIFICATIONS)[number];
  /**
   * Whether the guest gets what its target needs (docs/targets.md): `builtin`, or `none` for a base image that is
   * converted as it is. Default `builtin`.
   */
  target_profile?: (typeof PROFILE_CHOICES)[number];
  /** Text of a `target_content.xml` with what the guest gets besides. Default: nothing. */
  target_content?: string;
  /** What happens when a step fails: the build ends, or is held until a user decides. Default `cleanup`. */
  on_error?: 'cleanup' | 'hold';
  /** Seconds for which a held build waits for a decision. Default 86 400. */
  hold_for?: number;
}

/** The parameters that say how a build is run. Two target images that differ in nothing else are the same image. */
type RunParameter = 'on_error' | 'hold_for';

/** A parameter that says what a target image is like. */
type ImageParameter = Exclude<keyof TargetParameters, RunParameter>;

/** What users read about a parameter of a target image, and what is checked. */
interface TargetParameterDefinition {
  /** The values that the parameter may have, the default first. Unset: any text; the default is no text. */
  choices?: readonly string[];
  /** The meaning, with the default, in one sentence. */
  description: string;
}

/** The parameters that say what a target image is like. */
const IMAGE_PARAMETERS: { readonly [K in ImageParameter]: TargetParameterDefinition } = {
  compression: {
    choices: COMPRESSIONS,
    description: 'How the data of a qcow2 file is compressed: none, zlib or zstd; default none.',
  },
  verify: {
    choices: VERIFICATIONS,
    description: 'How the file is verified: compare, or boot, which also boots it in QEMU; default compare.',
  },
  target_profile: {
    choices: PROFILE_CHOICES,
    description: 'Whether the guest gets what its target needs (see `targets`): builtin or none; default builtin.',
  },
  target_content: {
    description: 'Text of a target_content.xml: what the guest gets besides; give it with --file-parameter.',
  },
};

/** Every parameter of a target image, for the help and the completion. */
export const TARGET_PARAMETERS: { readonly [K in keyof Required<TargetParameters>]: TargetParameterDefinition } = {
  ...IMAGE_PARAMETERS,
  on_error: { description: 'What happens when a step fails: cleanup or hold; default cleanup.' },
  hold_for: { description: 'How long a held build waits for a decision, in seconds; default 86400.' },
};

function isImageParameter(name: string): name is ImageParameter {
  return Object.hasOwn(IMAGE_PARAMETERS, name);
}

/** Picks the parameters that say what a target image is like: another value of one of them makes another image. */
export function pickImageParameters(parameters: TargetParameters): Pick<TargetParameters, ImageParameter> {
  // A value that is the default is the same as no value.
  const given = Object.entries(parameters).filter(
    ([name, value]) => isImageParameter(name) && value !== IMAGE_PARAMETERS[name].choices?.[0],
  );
  return Object.fromEntries(given);
}

/** Checks the parameters of a target image. @throws FactoryError InvalidParameter */
export function parseTargetParameters(given: Readonly<Record<string, unknown>>): TargetParameters {
  const { on_error, hold_for, ...image } = given;
  for (const [name, value] of Object.entries(image)) {
    if (!isImageParameter(name)) {
      throw new FactoryError('InvalidParameter', `a target image has no parameter ${JSON.stringify(name)}`, {
        hint: `the parameters of a target image are: ${Object.keys(TARGET_PARAMETERS).join(', ')}`,
      });
    }
    const { choices } = IMAGE_PARAMETERS[name];
    if (value === undefined || (typeof value === 'string' && choices?.includes(value) !== false)) continue;
    throw new FactoryError('InvalidParameter', `${name} cannot be ${JSON.stringify(value)}`, {
      hint: choices === undefined ? `${name} is a text` : `${name} is one of: ${choices.join(', ')}`,
    });
  }
  return { ...defined(image), ...parseRunParameters({ on_error, hold_for }) };
}

/** Checks the parameters that a target image and a base image have in common. */
function parseRunParameters(given: Record<RunParameter, unknown>): TargetParameters {
  const { on_error, hold_for } = parseParameters(given);
  if (on_error === 'keep') {
    throw new FactoryError('InvalidParameter', 'on_error keep: a target image has no resources to keep', {
      hint: 'on_error of a target image is one of: cleanup, hold',
    });
  }
  return defined({
    on_error: given.on_error === undefined ? undefined : on_error,
    hold_for: given.hold_for === undefined ? undefined : hold_for,
  });
}

/**
 * Returns the parameters of a target image with the changes of a request to resume it.
 *
 * @throws FactoryError InvalidParameter when the request would change what the image is like
 */
export function changeTargetParameters(
  current: TargetParameters,
  { template, parameters = {} }: Pick<ResumeRequest, 'template' | 'parameters'>,
): TargetParameters {
  if (template !== undefined) {
    throw new FactoryError('InvalidParameter', 'a target image is made from a base image, and has no template', {
      hint: 'leave --template out; to change what is installed, build another base image',
    });
  }
  const changed = parseTargetParameters({ ...current, ...parameters });
  const [before, after] = [pickImageParameters(current), pickImageParameters(changed)];
  const names = Object.keys(IMAGE_PARAMETERS)
    .filter(isImageParameter)
    .filter((name) => before[name] !== after[name]);
  if (names.length > 0) {
    throw new FactoryError('InvalidParameter', `another value of ${names.join(', ')} makes another image`, {
      hint: 'make that image: imagefactory target_image TARGET --id BASE_UUID --parameter NAME VALUE',
    });
  }
  return changed;
}

/**
 * Divides the parameters of a command that builds a base image and converts it. `on_error` and `hold_for` are for both.
 * What is no parameter of a target image is for the base image, whose own check finds unknown names.
 *
 * @throws FactoryError InvalidParameter when a value for the target images is wrong
 */
export function divideParameters<P extends Readonly<Record<string, unknown>>>(
  given: P,
): { base: Partial<P>; target: TargetParameters } {
  const names = Object.keys(given);
  const base = pickNames(
    given,
    names.filter((name) => !isImageParameter(name)),
  );
  const { on_error, ...target } = pickNames<Record<string, unknown>>(
    given,
    names.filter((name) => Object.hasOwn(TARGET_PARAMETERS, name)),
  );
  // A base image that failed keeps its resources; its target images have none.
  const isKept = String(on_error).trim().toLowerCase() === 'keep';
  return { base, target: parseTargetParameters({ ...target, ...(isKept ? {} : { on_error }) }) };
}

function pickNames<P extends object>(given: P, names: readonly string[]): Partial<P> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name))) as Partial<P>;
}
