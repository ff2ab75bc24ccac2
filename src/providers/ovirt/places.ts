import type { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { Engine } from './engine.js';
import { CLUSTER, listOf, STORAGE_DOMAIN, type OvirtCluster, type OvirtStorageDomain } from './schemas.js';

/** Finds the storage domain by its id or its name. @throws FactoryError NotFound */
export async function findStorageDomain(
  engine: Engine,
  wanted: string,
  signal?: AbortSignal,
): Promise<OvirtStorageDomain> {
  return await find(engine, 'storagedomains', listOf('storage_domain', STORAGE_DOMAIN), wanted, signal);
}

/** Finds the cluster by its id or its name. @throws FactoryError NotFound */
export async function findCluster(engine: Engine, wanted: string, signal?: AbortSignal): Promise<OvirtCluster> {
  return await find(engine, 'clusters', listOf('cluster', CLUSTER), wanted, signal);
}

async function find<T extends { id: string; name: string }>(
  engine: Engine,
  kind: 'storagedomains' | 'clusters',
  schema: z.ZodType<T[]>,
  wanted: string,
  signal?: AbortSignal,
): Promise<T> {
  const all = await engine.list(`/${kind}`, schema, signal);
  const found = all.find(({ id }) => id === wanted) ?? all.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const what = kind === 'clusters' ? 'cluster' : 'storage domain';
  const names = all.map(({ name }) => name).join(', ');
  throw new FactoryError('NotFound', `oVirt has no ${what} ${wanted} that this user sees`, {
    hint: names === '' ? `give the user a role on the ${what}` : `it has: ${names}`,
  });
}
