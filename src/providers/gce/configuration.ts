import { z } from 'zod';

/** An entry of `providers` of the kind `gce` in the worker's configuration. */
export const gceConfiguration = z.strictObject({
  kind: z.literal('gce'),
  /** The project in which images are made: its id, not its number. */
  project: z
    .string()
    .regex(/^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$/, 'must be the id of a project of Google Cloud'),
  /** The bucket that holds the archive until the image is there. Its objects must not be versioned or retained. */
  bucket: z.string().regex(/^[a-z0-9][-_.a-z0-9]{1,220}[a-z0-9]$/, 'must be the name of a bucket of Cloud Storage'),
  /**
   * Where Compute Engine stores the image: a region (`europe-west3`) or a multi-region (`eu`). Default: the
   * multi-region that is nearest to the bucket.
   */
  storage_location: z.string().min(1).optional(),
  /**
   * Path of a JSON file with the key of a service account, or with what `gcloud auth application-default login` has
   * written. Default: the application default credentials of the worker: `GOOGLE_APPLICATION_CREDENTIALS`, also for
   * workload identity, or the metadata server of its machine.
   */
  credentials_file: z.string().min(1).optional(),
  /** URL of Cloud Storage, for networks with an endpoint of their own. Default: `https://storage.googleapis.com`. */
  storage_endpoint: z.url().default('https://storage.googleapis.com'),
  /** URL of Compute Engine. Default: `https://compute.googleapis.com`. */
  compute_endpoint: z.url().default('https://compute.googleapis.com'),
  /**
   * URL of the Resource Manager, which is asked for permissions of the project. Default:
   * `https://cloudresourcemanager.googleapis.com`.
   */
  resource_manager_endpoint: z.url().default('https://cloudresourcemanager.googleapis.com'),
  /** Path of a PEM file with the certificate authority of these endpoints. Default: those of Node. */
  ca: z.string().min(1).optional(),
});

export type GceConfiguration = z.infer<typeof gceConfiguration>;
