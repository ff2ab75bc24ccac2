import type { BuildParameters } from './parameters.js';

/**
 * What a base image build is started with. The only place in a workflow's history where the template and the install
 * script stand: the first activity puts both into the store, and every later one reads them from there.
 */
export interface BaseImageInput {
  /** The image's UUID (version 4), chosen by whoever starts the build; the workflow's id is `base_image-<uuid>`. */
  uuid: string;
  /** The TDL document's text. */
  template: string;
  /** Name of the template's file, for messages only. */
  templateName: string;
  /** The validated parameters, `install_script` among them. */
  parameters: BuildParameters;
  /**
   * Name of a cloud that the worker knows (`clouds.yaml`), or `envvars` for the worker's `OS_*` environment. What the
   * name stands for, and its credentials, never leave the worker.
   */
  cloud: string;
  /** Seconds after which a worker that has gone silent is given up and the step is tried elsewhere. Default 60. */
  heartbeatTimeout?: number;
  /** There when an ended build of this UUID is started again, from the last thing of it that still exists. */
  resumed?: {
    /** What is to be done anew though it exists: `jeos`, `customise`, or a step of the template by its name. */
    from?: string;
  };
}

/** The workflow id of a base image build. */
export function baseImageWorkflowId(uuid: string): string {
  return `base_image-${uuid}`;
}
