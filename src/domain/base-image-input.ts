import type { BuildParameters } from './parameters.js';

/**
 * Input of a base image build. Only here does a workflow's history contain the template and the install script: the
 * first activity writes both into the store, and every later activity reads them from there.
 */
export interface BaseImageInput {
  /** The image's UUID (version 4), which the client chooses; the workflow's id is `base_image-<uuid>`. */
  uuid: string;
  /** Text of the TDL document. */
  template: string;
  /** Name of the template's file, for messages only. */
  templateName: string;
  /** The validated parameters, `install_script` among them. */
  parameters: BuildParameters;
  /**
   * Name of a cloud in the worker's `clouds.yaml`, or `envvars` for the worker's `OS_*` variables. The cloud's settings
   * and credentials never leave the worker.
   */
  cloud: string;
  /** Seconds without a heartbeat after which a step is retried, on any worker. Default 60. */
  heartbeatTimeout?: number;
  /** Set when an ended build of this UUID is resumed from its latest resource that still exists. */
  resumed?: {
    /** Where to begin, even if a later result exists: `jeos`, `customise`, or the name of a step of the template. */
    from?: string;
  };
}
