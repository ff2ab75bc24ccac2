import { z } from 'zod';
import { asRetryable, FactoryError } from '../../domain/errors.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Operation, PushedImage } from '../types.js';
import { takeImportSpec } from './import-spec.js';
import type { InventoryApi } from './inventory-api.js';
import { keepAlive } from './keep-alive.js';
import { openPart, type Ova } from './ova-parts.js';
import { expectSafeAddress } from './safe-address.js';
import { isMissing, type SoapClient } from './soap-client.js';
import { methodFault, methodFaultSchema, SoapFault } from './soap-faults.js';
import { element, listOf, type ManagedObject, reference, referenceSchema, textSchema } from './soap-xml.js';

/** Milliseconds between two signs of life, at most. A host ends a lease after five minutes without one. */
const KEEP_ALIVE = 60_000;

/** Where the machine goes. */
export interface ImportPlace {
  folder: ManagedObject;
  resourcePool: ManagedObject;
  datastore: ManagedObject;
  network: ManagedObject;
}

export interface Import {
  api: InventoryApi;
  operation: Operation;
  image: PushedImage;
  ova: Ova;
  place: ImportPlace;
  /** Name of the machine. */
  name: string;
  /** Its notes. */
  annotation: string;
  /** Uploads a stream to an address of the lease. */
  post(url: string, size: number, body: ReturnType<typeof openPart>): Promise<void>;
}

const nothing = z.unknown();
const specSchema = z.object({
  returnval: z.object({
    fileItem: listOf(z.object({ deviceId: textSchema, path: textSchema })),
    error: listOf(methodFaultSchema),
  }),
});
const leaseSchema = z.object({ returnval: referenceSchema });
const stateSchema = z.enum(['initializing', 'ready', 'done', 'error']);
const infoSchema = z.object({
  entity: referenceSchema,
  leaseTimeout: textSchema,
  deviceUrl: listOf(z.object({ importKey: textSchema, url: textSchema })),
});

interface Lease {
  state: z.infer<typeof stateSchema> | undefined;
  info: z.infer<typeof infoSchema> | undefined;
  error: z.infer<typeof methodFaultSchema> | undefined;
}

/**
 * Imports an OVA as a virtual machine, by a lease. A lease belongs to its session, and its bytes cannot be continued:
 * an import that fails is aborted, which removes its machine, and the server does the same some minutes after a crash.
 *
 * @returns the machine, and the bytes that were sent
 */
export async function importOva(work: Import): Promise<{ machine: ManagedObject; sent: number }> {
  const { api, operation, place } = work;
  const { spec, items } = await createSpec(work);
  const call = {
    method: 'ImportVApp',
    self: place.resourcePool,
    elements: [spec, element('folder', reference(place.folder))],
    once: true,
  };
  const { returnval: lease } = await api.soap.call(operation, call, leaseSchema);
  const { sessionKey } = await api.soap.connect(operation);
  try {
    const info = await waitUntilReady(work, lease);
    const sent = await sendDisks(work, lease, info, items);
    await complete(work, lease, info.entity, sessionKey);
    return { machine: info.entity, sent };
  } catch (error) {
    if (!operation.signal.aborted) await abort(api.soap, operation, lease);
    // The lease has ended: a new import starts another one.
    throw error instanceof FactoryError && isMissing(error) ? asRetryable(error) : error;
  }
}

async function createSpec(work: Import): Promise<{ spec: string; items: Map<string, string> }> {
  const { api, operation, ova, place, name, annotation } = work;
  const { ovfManager: self } = await api.soap.connect(operation);
  const elements = [
    element('ovfDescriptor', ova.descriptor),
    element('resourcePool', reference(place.resourcePool)),
    element('datastore', reference(place.datastore)),
    element('cisp', {
      locale: '',
      deploymentOption: '',
      entityName: name,
      networkMapping: ova.networks.map((network) => ({ name: network, network: reference(place.network) })),
      diskProvisioning: 'thin',
    }),
  ];
  const call = { method: 'CreateImportSpec', self, elements };
  const { value, text } = await api.soap.callWithText(operation, call, specSchema);
  const [error] = value.returnval.error;
  if (error !== undefined) {
    throw new FactoryError('ImageFailed', `vSphere does not take the descriptor: ${error.localizedMessage ?? ''}`, {
      hint: 'read the versions of virtual hardware and the systems that the host supports',
    });
  }
  const items = new Map(value.returnval.fileItem.map(({ deviceId, path }) => [deviceId, path]));
  return { spec: takeImportSpec(text, annotation), items };
}

async function readLease({ api, operation }: Import, lease: ManagedObject): Promise<Lease | undefined> {
  const values = await api.readObject(operation, lease, ['state', 'info', 'error']);
  return (
    values && {
      state: stateSchema.safeParse(textSchema.safeParse(values['state']).data).data,
      info: infoSchema.safeParse(values['info']).data,
      error: methodFaultSchema.safeParse(values['error']).data,
    }
  );
}

async function waitUntilReady(work: Import, lease: ManagedObject): Promise<z.infer<typeof infoSchema>> {
  for (;;) {
    const read = await readLease(work, lease);
    if (read?.state === 'ready' && read.info !== undefined) return read.info;
    if (read?.state !== 'initializing') throw leaseError(read);
    await work.operation.sleep(work.operation.pollInterval);
  }
}

function leaseError(lease: Lease | undefined): FactoryError {
  if (lease?.error === undefined) {
    const message = `vSphere has ended the import: its lease is ${lease?.state ?? 'gone'}`;
    return new FactoryError('CloudUnavailable', message, { retryable: true });
  }
  const fault = methodFault('vSphere could not import the OVA', lease.error);
  return fault.type === 'BadRequest' ? new FactoryError('ImageFailed', fault.message, { cause: fault }) : fault;
}

async function sendDisks(
  work: Import,
  lease: ManagedObject,
  info: z.infer<typeof infoSchema>,
  items: Map<string, string>,
): Promise<number> {
  const { api, operation, image, ova, name } = work;
  const total = ova.disks.reduce((sum, { size }) => sum + size, 0);
  const pace = new UploadPace(operation, `uploading ${image.file.name} to the machine ${name}`, total);
  let sent = 0;
  const count = (bytes: number): void => void (sent += bytes);
  const ping = (): Promise<void> => reportProgress(api.soap, operation, lease, Math.floor((sent / total) * 100));
  const every = Math.min(KEEP_ALIVE, Number(info.leaseTimeout) * 250 || KEEP_ALIVE);
  await keepAlive(every, ping, async () => {
    for (const disk of ova.disks) {
      const url = info.deviceUrl.find(({ importKey }) => items.get(importKey) === disk.name)?.url;
      if (url === undefined) throw new FactoryError('ImageFailed', `vSphere named no address for ${disk.name}`);
      // An ESXi host writes an asterisk for its own name.
      const address = url.replace('://*', `://${new URL(api.soap.server).host}`);
      expectSafeAddress(address);
      await work.post(address, disk.size, openPart(image.file.path, disk, pace, count));
    }
  });
  await ping();
  return sent;
}

async function reportProgress(
  soap: SoapClient,
  operation: Operation,
  self: ManagedObject,
  percent: number,
): Promise<void> {
  await soap.call(
    operation,
    { method: 'HttpNfcLeaseProgress', self, elements: [element('percent', percent)] },
    nothing,
  );
}

async function complete(work: Import, lease: ManagedObject, machine: ManagedObject, sessionKey: string): Promise<void> {
  const { api, operation } = work;
  try {
    await api.soap.call(operation, { method: 'HttpNfcLeaseComplete', self: lease }, nothing);
  } catch (error) {
    // A first call whose reply was lost has completed it: the lease is done or gone, and its machine remains.
    if (!isMissing(error) && !(error instanceof SoapFault && error.fault === 'InvalidState')) throw error;
    const read = await readLease(work, lease);
    const isSameSession = (await api.soap.connect(operation)).sessionKey === sessionKey;
    const isDone = read?.state === 'done' || (read === undefined && isSameSession);
    if (!isDone || !(await api.hasMachine(operation, machine))) throw leaseError(read);
  }
}

async function abort(soap: SoapClient, operation: Operation, self: ManagedObject): Promise<void> {
  await soap.call(operation, { method: 'HttpNfcLeaseAbort', self }, nothing).catch(() => undefined);
}
