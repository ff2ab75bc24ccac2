import { FactoryError } from '../../domain/errors.js';
import type { Finding, RegisteredImage } from '../../domain/provider-image.js';
import { PROVIDER_KINDS, type ProviderKindName } from '../../domain/provider-kinds.js';
import { listAccounts, type ProviderChoice } from '../../domain/provider-image-input.js';
import type { BuildRecord } from '../../domain/record.js';
import type { PushedImage } from '../../providers/types.js';
import { describeOptions } from '../records/inputs.js';
import { buildInitialRecord } from '../records/initial-record.js';
import type { Deps } from '../shared/context.js';
import { loadPushedImage } from './pushed-image.js';
import { createOperation, withProvider, type PushInput } from './with-provider.js';

/** What is pushed, and to where. */
export interface PlannedPush {
  /** Name of the template and the target, for people. */
  name: string;
  /** Name of the template. */
  template: string;
  os: { name: string; version: string; arch: string };
  kind: ProviderKindName;
  /** Where the provider is, for people. */
  location: string;
  /** Bytes of the file. */
  size: number;
  /** Path of the file. */
  bodyPath: string;
  /** The image that an earlier run has registered. Unset when there is none. */
  registered?: RegisteredImage;
}

/**
 * Checks the image and the provider before anything is uploaded, finds what an earlier run has registered, and writes
 * the first record of the provider image.
 *
 * @throws FactoryError InvalidParameter when there is no such provider, or it does not take the format; NotFound,
 *   Conflict when there is no complete target image; the errors of the provider's check
 */
export async function planProviderImage(deps: Deps, { ref, input }: PushInput): Promise<PlannedPush> {
  const { provider: choice, targetImage, parameters } = input;
  const kindName = deps.providers.kindOf({ name: choice.name, definition: choice.definition });
  const target = await deps.store.readRecord(targetImage);
  await writeFirstRecord(deps, async () =>
    buildInitialRecord(deps, ref, {
      type: 'ProviderImage',
      template: target?.template ?? '',
      name: target?.name ?? '',
      parameters: { ...parameters },
      ...(target === undefined ? {} : describeTarget(target)),
      target_image_id: targetImage,
      parent: { id: targetImage, digest: readDigest(target) },
      inputs: [describeOptions(parameters)],
      ...describeChoice(choice),
      provider_kind: kindName,
    }),
  );
  const image = await loadPushedImage(deps, ref.uuid, targetImage);
  checkFormat(image, choice.name, kindName);
  return withProvider(deps, input, async ({ kind, provider }) => {
    if (listAccounts(parameters).length > 0 && provider.share === undefined) {
      throw new FactoryError('InvalidParameter', `provider ${choice.name} cannot share an image with other accounts`, {
        hint: 'leave the parameter share out',
      });
    }
    const operation = createOperation(deps, ref.uuid);
    const registered = await provider.find(operation, image);
    if (registered === undefined) refuse(await provider.check(operation, image), choice.name);
    const record = await deps.store.readRecord(ref.uuid);
    if (record !== undefined && record.status !== 'COMPLETE') {
      const { location, account = null } = provider;
      await deps.store.writeRecord({
        ...record,
        provider_location: location,
        provider_account_identifier: registered?.account ?? account,
      });
    }
    return {
      name: image.name,
      template: target?.name ?? image.name,
      os: image.os,
      kind,
      location: provider.location,
      size: image.file.size,
      bodyPath: image.file.path,
      ...(registered === undefined ? {} : { registered }),
    };
  });
}

/** The fields of a record that say where the image is pushed to, as the user has said it. */
export function describeChoice({ name, definition, credentials }: ProviderChoice): Partial<BuildRecord> {
  return {
    provider: name,
    ...(definition === undefined ? {} : { provider_definition: definition }),
    ...(credentials === undefined ? {} : { provider_credentials: 'given' }),
  };
}

/** The fields that a provider image has from its target image. */
function describeTarget(target: BuildRecord): Partial<BuildRecord> {
  const { os, icicle, packages, package_details, icicle_warning, min_disk, base_image_id, format, virtual_size } =
    target;
  return {
    os,
    icicle,
    packages,
    package_details,
    icicle_warning,
    min_disk,
    target: target.target ?? '',
    ...(base_image_id === undefined ? {} : { base_image_id }),
    ...(format === undefined ? {} : { format }),
    ...(virtual_size === undefined ? {} : { virtual_size }),
  };
}

function readDigest(target: BuildRecord | undefined): { algorithm: string; value: string } | null {
  return target?.sha512 === undefined ? null : { algorithm: 'sha512', value: target.sha512 };
}

/** Writes the first record. The record of a complete image stays: this run only finds the image again. */
export async function writeFirstRecord(
  { store }: Pick<Deps, 'store'>,
  build: () => Promise<BuildRecord>,
): Promise<void> {
  const first = await build();
  if ((await store.readRecord(first.identifier))?.status !== 'COMPLETE') await store.writeRecord(first);
}

function checkFormat({ file, source }: PushedImage, name: string, kind: ProviderKindName): void {
  const { title, formats, target } = PROVIDER_KINDS[kind];
  if (formats.includes(file.format)) return;
  throw new FactoryError('InvalidParameter', `provider ${name} (${title}) does not take the format ${file.format}`, {
    hint: `it takes ${formats.join(', ')}; push the base image of ${source} instead, or make the target ${target} of it`,
  });
}

/** Refuses a push for the first thing that the provider's check has found. */
function refuse(findings: readonly Finding[], name: string): void {
  const failed = findings.filter(({ ok }) => !ok);
  const [first] = failed;
  if (first === undefined) return;
  const others =
    failed.length === 1
      ? ''
      : `; ${failed.length - 1} more: ${failed
          .slice(1)
          .map(({ what }) => what)
          .join(', ')}`;
  throw new FactoryError(
    'Forbidden',
    `provider ${name}: ${first.what}: ${first.message ?? 'it is not possible'}${others}`,
    {
      hint: first.hint ?? `imagefactory providers --check ${name} shows all that was tried`,
    },
  );
}
