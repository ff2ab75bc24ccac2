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

/** The values that each parameter can have. The first one is the default. */
const CHOICES = {
  compression: ['none', 'zlib', 'zstd'],
  verify: ['compare', 'boot'],
} as const satisfies Record<string, readonly string[]>;

/** How a target image is made. */
export interface TargetParameters {
  /** How the data of a qcow2 file is compressed. Default `none`. Formats with a compression of their own ignore it. */
  compression?: (typeof CHOICES)['compression'][number];
  /**
   * How the file is verified. `compare`: its disk is compared with the base image. `boot`: also booted by QEMU on the
   * worker, in a machine with the target's own controllers. Default `compare`.
   */
  verify?: (typeof CHOICES)['verify'][number];
}

/** Checks the parameters of a target image. @throws FactoryError InvalidParameter */
export function parseTargetParameters(given: Readonly<Record<string, unknown>>): TargetParameters {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(CHOICES, name)) {
      throw new FactoryError('InvalidParameter', `a target image has no parameter ${JSON.stringify(name)}`, {
        hint: `the parameters of a target image are: ${Object.keys(CHOICES).join(', ')}`,
      });
    }
    const choices: readonly unknown[] = CHOICES[name as keyof typeof CHOICES];
    if (value !== undefined && !choices.includes(value)) {
      throw new FactoryError('InvalidParameter', `${name} cannot be ${JSON.stringify(value)}`, {
        hint: `${name} is one of: ${choices.join(', ')}`,
      });
    }
  }
  return given;
}
