import type { BuildParameters } from './parameters.js';

/**
 * Input of a base image build, with the texts of the template and the install script. The first activity writes both
 * texts into the store, and later activities read them from there. Otherwise the workflow's history would contain the
 * texts once for every activity.
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
  /** Seconds without a heartbeat after which Temporal tries a step again, on any worker. Default 20. */
  heartbeatTimeout?: number;
  /** Set when this run resumes an ended build with the same UUID. */
  resumed?: {
    /**
     * Where the build begins, even if a later result exists: `jeos`, `customise`, or the name of a step of the
     * template. Unset when the build begins at the latest result.
     */
    from?: string;
  };
}
