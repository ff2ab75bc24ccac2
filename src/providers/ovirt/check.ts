import { FactoryError } from '../../domain/errors.js';
import { formatSize } from '../../domain/sizes.js';
import type { Finding, Operation, PushedImage } from '../types.js';
import type { OvirtConfiguration } from './configuration.js';
import { findDisk } from './disks.js';
import type { Engine } from './engine.js';
import { findCluster, findStorageDomain } from './places.js';
import { API, listOf, TRANSFER } from './schemas.js';
import { findMachine } from './templates.js';

/** The architectures of oVirt's hosts, each with the names that systems have for it. */
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x86_64: ['x86_64', 'amd64', 'i386', 'i686'],
  ppc64: ['ppc64', 'ppc64le', 'ppc64el'],
  s390x: ['s390x'],
};

/** Tries what a push needs. All calls only read: oVirt has no dry run, so the right to make a disk is not tried. */
export async function checkOvirt(
  operation: Operation,
  engine: Engine,
  configuration: OvirtConfiguration,
  image?: PushedImage,
): Promise<Finding[]> {
  const { signal } = operation;
  const { storage_domain: domainName, template_cluster: clusterName } = configuration;
  const signIn = await tryIt('sign in to oVirt', async () => {
    if ((await engine.get('', API, signal)) === undefined) throw noEngineError(engine.url);
  });
  if (!signIn.ok) return [signIn];
  return [
    signIn,
    await tryIt(`use the storage domain ${domainName}`, async () => {
      const domain = await findStorageDomain(engine, domainName, signal);
      if (domain.type !== undefined && domain.type !== 'data') {
        throw new FactoryError('InvalidParameter', `the storage domain is of type ${domain.type}`, {
          hint: 'name a storage domain of type data',
        });
      }
      if (image !== undefined) refuseFull(domain.available, image);
    }),
    await tryIt('see uploads', () => engine.list('/imagetransfers', listOf('image_transfer', TRANSFER), signal)),
    ...(clusterName === undefined
      ? []
      : [
          await tryIt(`use the cluster ${clusterName}`, async () => {
            const cluster = await findCluster(engine, clusterName, signal);
            if (image !== undefined) refuseArchitecture(cluster.cpu?.architecture, image);
          }),
        ]),
    ...(image === undefined ? [] : await checkImage(operation, engine, image, clusterName !== undefined)),
  ];
}

async function checkImage(
  { signal }: Operation,
  engine: Engine,
  image: PushedImage,
  isTemplate: boolean,
): Promise<Finding[]> {
  return [
    await tryIt('take the image', async () => {
      if (image.file.format !== 'qcow2' && image.file.format !== 'raw') {
        throw new FactoryError('InvalidParameter', `oVirt takes qcow2 and raw, not ${image.file.format}`, {
          hint: 'push the target image rhevm',
        });
      }
      if (!isTemplate) refuseArchitecture(undefined, image);
    }),
    await tryIt('take the name', async () => {
      await findDisk(engine, image, signal);
      if (!isTemplate) return;
      await findMachine(engine, 'template', image, signal);
      await findMachine(engine, 'vm', image, signal);
    }),
  ];
}

function refuseFull(available: number | undefined, { file }: PushedImage): void {
  const needed = file.format === 'raw' ? file.virtualSize : file.size;
  if (available === undefined || available >= needed) return;
  throw new FactoryError('QuotaExceeded', `${formatSize(available)} are free, the image needs ${formatSize(needed)}`, {
    hint: 'make space on the storage domain, or name another one',
  });
}

/** @param architecture that of a cluster. Undefined: any of oVirt's */
function refuseArchitecture(architecture: string | undefined, { os }: PushedImage): void {
  const known = architecture === undefined || architecture === 'undefined' ? undefined : ARCHITECTURES[architecture];
  const allowed = known ?? Object.values(ARCHITECTURES).flat();
  if (allowed.includes(os.arch)) return;
  const where = known === undefined ? 'oVirt has no hosts' : `the cluster is ${architecture}, and has no hosts`;
  throw new FactoryError('InvalidParameter', `${where} of the architecture ${os.arch}`);
}

function noEngineError(url: string): FactoryError {
  return new FactoryError('NotFound', `there is no engine at ${url}`, {
    hint: 'write url as https://engine.example.org/ovirt-engine',
  });
}

async function tryIt(what: string, attempt: () => Promise<unknown>): Promise<Finding> {
  try {
    await attempt();
    return { what, ok: true };
  } catch (error) {
    // An engine that does not answer tells nothing about permissions.
    if (!(error instanceof FactoryError) || error.retryable) throw error;
    const { message, hint } = error;
    return { what, ok: false, message, ...(hint === undefined ? {} : { hint }) };
  }
}
