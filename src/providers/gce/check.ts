import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { Finding } from '../../domain/provider-image.js';
import { PROVIDER_KINDS } from '../../domain/provider-kinds.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation, PushedImage } from '../types.js';
import type { Images } from './compute.js';
import type { GoogleClient } from './google-client.js';
import { hintOfPermission } from './google-errors.js';
import { architectureOf } from './guest-features.js';
import { assertSame, findImage, GIB } from './register.js';
import type { Bucket } from './storage.js';

/** What a push needs of the bucket. */
export const BUCKET_PERMISSIONS = [
  'storage.objects.create',
  'storage.objects.delete',
  'storage.objects.get',
  'storage.objects.list',
];

/** What a push needs of the project. Sharing an image needs two more, which only `share` asks for. */
export const PROJECT_PERMISSIONS = [
  'compute.globalOperations.get',
  'compute.globalOperations.list',
  'compute.images.create',
  'compute.images.delete',
  'compute.images.get',
  'compute.images.list',
  'compute.images.setLabels',
];

/** Bytes of the largest object that Cloud Storage takes. */
const LARGEST_OBJECT = 5 * 1024 * GIB;

/** Asks for the permissions of a project (https://cloud.google.com/resource-manager/reference/rest/v1/projects). */
export interface ProjectPermissions {
  client: GoogleClient;
  /** `https://cloudresourcemanager.googleapis.com` */
  endpoint: string;
}

/**
 * Tries everything that can be tried without making anything.
 *
 * @throws FactoryError when an image is given, and the failure is one that passes: a push then tries again
 */
export async function checkGce(
  images: Images,
  bucket: Bucket,
  permissions: ProjectPermissions,
  operation: Operation,
  image: PushedImage | undefined,
): Promise<Finding[]> {
  const { signal } = operation;
  const { project } = images;
  const findings: Finding[] = [];
  const tryCall = async (what: string, call: () => Promise<Advice | void> | void): Promise<void> => {
    try {
      findings.push({ what, ok: true, ...(await call()) });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof FactoryError) || (image !== undefined && error.retryable)) throw error;
      const { message, hint } = error;
      findings.push({ what, ok: false, message, ...(hint === undefined ? {} : { hint }) });
    }
  };
  await tryCall(`list images of project ${project}`, () => images.probe(signal));
  await tryCall(`use bucket ${bucket.name}`, () => checkBucket(bucket, signal));
  await tryCall(`make images in project ${project}`, () => checkProject(permissions, project, operation));
  if (image === undefined) return findings;
  await tryCall(`take ${image.file.name}`, () => checkImage(image));
  await tryCall('use the name of the image', () => checkName(images, image, signal));
  return findings;
}

/** What is said of something that was not tried. */
interface Advice {
  message: string;
  hint: string;
}

/** @throws FactoryError when the name is taken: by somebody else's image, or by one of ours that is not this image */
async function checkName(images: Images, image: PushedImage, signal: AbortSignal): Promise<void> {
  const found = await findImage(images, image, signal);
  if (found?.status === 'READY') assertSame(image, found);
}

async function checkBucket(bucket: Bucket, signal: AbortSignal): Promise<void> {
  const allowed = await bucket.testPermissions(BUCKET_PERMISSIONS, signal);
  if (allowed === undefined) {
    throw new FactoryError('NotFound', `there is no bucket ${bucket.name}`, {
      hint: `make it: gcloud storage buckets create gs://${bucket.name}`,
    });
  }
  assertAllowed(`bucket ${bucket.name}`, BUCKET_PERMISSIONS, allowed);
}

async function checkProject(
  { client, endpoint }: ProjectPermissions,
  project: string,
  operation: Operation,
): Promise<Advice | undefined> {
  const { signal } = operation;
  const url = `${endpoint}/v1/projects/${encodeURIComponent(project)}:testIamPermissions`;
  const call = { method: 'POST' as const, url, body: { permissions: PROJECT_PERMISSIONS }, signal };
  const answer = z.object({ permissions: z.array(z.string()).optional() });
  try {
    const { permissions = [] } = await retryPart(operation, () => client.ask(call, answer));
    assertAllowed(`project ${project}`, PROJECT_PERMISSIONS, permissions);
    return undefined;
  } catch (error) {
    // A push does not need this API: without it we cannot say what is missing before something is missing.
    if (!(error instanceof FactoryError && error.hint?.includes('gcloud services enable'))) throw error;
    const hint =
      'enable it, if permissions are to be checked: gcloud services enable cloudresourcemanager.googleapis.com';
    return { message: `not tried, because the project has the Resource Manager API disabled`, hint };
  }
}

function assertAllowed(where: string, needed: readonly string[], allowed: readonly string[]): void {
  const missing = needed.filter((permission) => !allowed.includes(permission));
  if (missing.length === 0) return;
  throw new FactoryError('Forbidden', `the account has not the permission ${missing.join(', ')} for ${where}`, {
    hint: hintOfPermission(missing.join(', ')),
  });
}

/** Whether Compute Engine takes the image at all. */
export function checkImage({ file, firmware, os }: PushedImage): void {
  const refuse = (message: string, hint: string): never => {
    throw new FactoryError('InvalidParameter', message, { hint });
  };
  const { formats, target } = PROVIDER_KINDS.gce;
  if (!formats.includes(file.format)) {
    refuse(`Compute Engine takes no image of the format ${file.format}`, `make a target image for ${target} of it`);
  }
  const architecture = architectureOf(os.arch);
  if (architecture === 'ARM64' && firmware !== 'uefi') {
    refuse('Compute Engine starts ARM64 machines with UEFI firmware alone', 'build the image with UEFI firmware');
  }
  if (file.virtualSize % GIB !== 0) {
    refuse(
      `the disk has ${file.virtualSize} bytes, and Compute Engine takes whole GiB alone`,
      `make the target image for ${target} anew`,
    );
  }
  if (file.size > LARGEST_OBJECT)
    refuse(
      `the archive has ${file.size} bytes; an object of Cloud Storage has at most ${LARGEST_OBJECT}`,
      'make the disk smaller',
    );
}
