import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { Finding } from '../../domain/provider-image.js';
import { checkVhdFooter } from '../../formats/disk/vhd-footer.js';
import type { Operation, PushedImage } from '../types.js';
import type { BlobStore } from './blob-store.js';
import { accountId, type AzureConfiguration, galleryId, imagesScope } from './configuration.js';
import { normalizeRegion } from './names.js';
import { checkPermissions, type NeededActions } from './permissions.js';
import type { ResourceManager } from './resource-manager.js';
import { compareDefinition, describeDisk, readDefinition, readGallery, targetId } from './targets.js';

const STORAGE = '2023-05-01';
const SUBSCRIPTIONS = '2022-12-01';
const MIB = 1024 ** 2;
/** Bytes of the largest disk of an operating system. */
const LARGEST_DISK = 4095 * 1024 ** 3;
/** Accounts of other kinds have no page blobs. */
const KINDS_WITH_PAGE_BLOBS = ['Storage', 'StorageV2'];
/** The actions on the bytes of blobs begin so. */
const BLOB_ACTIONS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs';

/** What a check needs of the provider. */
export interface Checked {
  configuration: AzureConfiguration;
  manager: ResourceManager;
  store: BlobStore;
}

/** Tries what a push needs, with calls that change nothing. Every finding names what was tried. */
export async function checkAzure(checked: Checked, operation: Operation, image?: PushedImage): Promise<Finding[]> {
  const findings: Finding[] = [];
  const steps: (() => Promise<Finding | Finding[]>)[] = [
    () => checkAccount(checked, operation),
    () => checkContainer(checked, operation),
    () => checkRegions(checked, operation),
    () => checkGallery(checked, operation),
    ...neededActions(checked.configuration, checked.store.hasKey).map(
      (needed) => () => checkPermissions(operation, checked.manager, needed),
    ),
    ...(image === undefined ? [] : [() => checkImage(checked, operation, image)]),
  ];
  for (const step of steps) {
    try {
      findings.push(...[await step()].flat());
    } catch (error) {
      operation.signal.throwIfAborted();
      // Wrong credentials make every further call fail in the same way. What passes is tried again by the caller.
      if (!(error instanceof FactoryError) || error.retryable || error.type === 'AuthenticationFailed') throw error;
      const { message, hint } = error;
      findings.push({ what: 'access to Azure', ok: false, message, ...(hint === undefined ? {} : { hint }) });
    }
  }
  return findings;
}

/** @param hasKey whether a key signs the calls for blobs, so that the identity needs no role for them */
function neededActions(configuration: AzureConfiguration, hasKey: boolean): NeededActions[] {
  const { gallery, storage } = configuration;
  const compute = 'Microsoft.Compute';
  const images: NeededActions =
    gallery === undefined
      ? {
          scope: imagesScope(configuration),
          title: `resource group ${configuration.resource_group}`,
          actions: ['read', 'write', 'delete'].map((verb) => `${compute}/images/${verb}`),
        }
      : {
          scope: galleryId(configuration, gallery.name),
          title: `gallery ${gallery.name}`,
          actions: [
            `${compute}/galleries/read`,
            `${compute}/galleries/images/read`,
            ...(gallery.create_definition === undefined ? [] : [`${compute}/galleries/images/write`]),
            ...['read', 'write', 'delete'].map((verb) => `${compute}/galleries/images/versions/${verb}`),
          ],
        };
  const account: NeededActions = {
    scope: accountId(configuration),
    title: `storage account ${storage.account}`,
    // Azure lets only those make a version of a blob who may read the keys of its account.
    actions: [
      'Microsoft.Storage/storageAccounts/read',
      ...(gallery === undefined
        ? []
        : ['Microsoft.Storage/storageAccounts/listKeys/action', 'Microsoft.Storage/storageAccounts/write']),
    ],
  };
  if (hasKey) return [images, account];
  const container: NeededActions = {
    scope: `${accountId(configuration)}/blobServices/default/containers/${storage.container}`,
    title: `container ${storage.container}`,
    actions: [],
    dataActions: ['read', 'write', 'delete'].map((verb) => `${BLOB_ACTIONS}/${verb}`),
  };
  return [images, account, container];
}

async function checkAccount({ configuration, manager }: Checked, { signal }: Operation): Promise<Finding> {
  const { storage, region } = configuration;
  const what = `storage account ${storage.account}`;
  const account = await manager.get(accountId(configuration), STORAGE, signal);
  if (account === undefined) return { what, ok: false, message: `there is none: ${accountId(configuration)}` };
  const { kind } = z.looseObject({ kind: z.string().optional() }).parse(account);
  if (kind !== undefined && !KINDS_WITH_PAGE_BLOBS.includes(kind)) {
    return { what, ok: false, message: `an account of kind ${kind} has no page blobs`, hint: 'use one of StorageV2' };
  }
  if (normalizeRegion(account.location ?? region) !== normalizeRegion(region)) {
    const message = `it is in region ${account.location}, and the images shall be in ${region}`;
    return { what, ok: false, message, hint: 'Azure makes an image only in the region of its blob' };
  }
  return { what, ok: true };
}

async function checkContainer({ configuration, store }: Checked, operation: Operation): Promise<Finding> {
  const { container, account } = configuration.storage;
  const what = `container ${container}`;
  if (await store.hasContainer(operation)) return { what, ok: true };
  const hint = `make it: az storage container create --name ${container} --account-name ${account} --auth-mode login`;
  return { what, ok: false, message: 'there is none', hint };
}

const regionSchema = z.looseObject({ name: z.string() });

async function checkRegions({ configuration, manager }: Checked, { signal }: Operation): Promise<Finding> {
  const wanted = [configuration.region, ...(configuration.gallery?.target_regions ?? [])];
  const what = `regions ${wanted.join(', ')}`;
  const id = `/subscriptions/${configuration.subscription}/locations`;
  let known: string[];
  try {
    known = (await manager.list(id, SUBSCRIPTIONS, regionSchema, signal)).map(({ name }) => normalizeRegion(name));
  } catch (error) {
    if (!(error instanceof FactoryError) || error.type !== 'Forbidden') throw error;
    const hint = 'give it Microsoft.Resources/subscriptions/locations/read at the subscription to have them checked';
    return { what, ok: true, message: 'the identity may not read the list of regions', hint };
  }
  const unknown = wanted.filter((name) => !known.includes(normalizeRegion(name)));
  if (unknown.length === 0) return { what, ok: true };
  return { what, ok: false, message: `the subscription has no region ${unknown.join(', ')}` };
}

async function checkGallery({ configuration, manager }: Checked, { signal }: Operation): Promise<Finding[]> {
  const { gallery } = configuration;
  if (gallery === undefined) return [];
  const what = `gallery ${gallery.name}`;
  if ((await readGallery(manager, configuration, gallery.name, signal)) !== undefined) return [{ what, ok: true }];
  const hint = `make it: az sig create -g ${configuration.resource_group} -r ${gallery.name}`;
  return [{ what, ok: false, message: `there is none in resource group ${configuration.resource_group}`, hint }];
}

async function checkImage(checked: Checked, operation: Operation, image: PushedImage): Promise<Finding[]> {
  const disk = await checkFile(image);
  const { architecture, hyperVGeneration } = describeDisk(image);
  const { gallery } = checked.configuration;
  const findings: Finding[] = [{ what: `file ${image.file.name}`, ok: disk === undefined, ...disk }];
  if (architecture === 'Arm64' && (gallery === undefined || hyperVGeneration === 'V1')) {
    const message =
      gallery === undefined ? 'a managed image cannot be of architecture Arm64' : 'Azure starts Arm64 by UEFI only';
    findings.push({ what: 'architecture', ok: false, message });
  }
  if (gallery !== undefined) findings.push(await checkDefinition(checked, operation, image));
  return findings;
}

/** Checks the file against what Azure takes: a fixed VHD with whole MiB. @returns what is wrong */
async function checkFile({ file }: PushedImage): Promise<Pick<Finding, 'message' | 'hint'> | undefined> {
  const hint = 'make the target azure, and push that';
  if (file.format !== 'vhd') return { message: `Azure takes a fixed VHD, not ${file.format}`, hint };
  if (file.virtualSize % MIB !== 0) return { message: 'the size of its disk is not a multiple of 1 MiB', hint };
  if (file.virtualSize > LARGEST_DISK)
    return { message: 'its disk is larger than 4095 GiB, the most that Azure takes' };
  try {
    await checkVhdFooter(file.path, { type: 'fixed', virtualSize: file.virtualSize });
    return undefined;
  } catch (error) {
    if (!(error instanceof FactoryError)) throw error;
    return { message: error.message, hint };
  }
}

async function checkDefinition(
  { configuration, manager }: Checked,
  { signal }: Operation,
  image: PushedImage,
): Promise<Finding> {
  const id = targetId(configuration, image);
  const what = `image definition ${id.split('/').at(-1)}`;
  const definition = await readDefinition(manager, id, signal);
  if (definition === undefined) {
    if (configuration.gallery?.create_definition !== undefined) return { what, ok: true };
    const hint = 'make it (az sig image-definition create), or set gallery.create_definition';
    return { what, ok: false, message: 'there is none', hint };
  }
  const message = compareDefinition(definition, image);
  if (message === undefined) return { what, ok: true };
  return { what, ok: false, message, hint: 'name another definition in the configuration (gallery.definition)' };
}
