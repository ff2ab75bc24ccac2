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
}

/** Checks the parameters of a target image. @throws FactoryError InvalidParameter */
export function parseTargetParameters(given: Readonly<Record<string, unknown>>): TargetParameters {
  const { compression, ...unknown } = given;
  const [name] = Object.keys(unknown);
  if (name !== undefined) {
    throw new FactoryError('InvalidParameter', `a target image has no parameter ${JSON.stringify(name)}`, {
      hint: 'the parameters of a target image are: compression',
    });
  }
  if (compression === undefined) return {};
  const found = COMPRESSIONS.find((known) => known === compression);
  if (found === undefined) {
    throw new FactoryError('InvalidParameter', `compression cannot be ${JSON.stringify(compression)}`, {
      hint: `compression is one of: ${COMPRESSIONS.join(', ')}`,
    });
  }
  return { compression: found };
}
