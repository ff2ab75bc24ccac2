import { writeOciArchive } from '../archive/oci.js';
import { findOciError } from '../archive/verify-oci.js';
import type { RootFormat } from './root-format.js';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A container image of one layer, as an OCI image layout in a tar, and for `docker load`. A container runs a shell. */
export const oci: RootFormat = {
  extension: 'tar',
  verifiedBy: 'own reader of all digests of the container image',
  write: (path, layer, image) =>
    writeOciArchive(path, { ...image, layer, config: { Env: [`PATH=${PATH}`], Cmd: ['/bin/sh'] } }),
  findError: findOciError,
};
