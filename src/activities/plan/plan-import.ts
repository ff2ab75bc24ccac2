import { createQueueWorkflowId } from '../../domain/create-queue.js';
import { FactoryError } from '../../domain/errors.js';
import { type ImportInput, UNKNOWN } from '../../domain/import-input.js';
import type { BuildRef } from '../../domain/names.js';
import { parseParameters } from '../../domain/parameters.js';
import type { Cloud } from '../../openstack/types.js';
import { computeDigest } from '../../planning/plan.js';
import { throwIfInvalid } from '../../tdl/parse.js';
import { buildInitialRecord } from '../records/initial-record.js';
import { cancellationSignal, type Deps } from '../shared/context.js';
import { getJeosDocumentsId, getJeosWorkflowId } from '../shared/jeos-ids.js';
import { writePackageList } from '../shared/package-list.js';
import { chooseFlavor, chooseNetwork } from './choose-placement.js';
import { computeInstanceDigest } from './plan-base-image.js';
import { planGivenImage } from './plan-given-image.js';
import type { PlannedBuild } from './planned-build.js';
import { planDisks } from './root-disk.js';

/**
 * Plans the import of a disk that exists: finds it, and checks everything that its instance needs. Writes the record
 * and the documents, as the plan of a build does.
 *
 * @throws the errors of `planGivenImage`; NotFound for the flavor or the network
 */
export async function planImport(
  deps: Deps,
  { ref, input }: { ref: BuildRef; input: ImportInput },
): Promise<PlannedBuild> {
  const parameters = parseParameters({ ...input.parameters });
  const template = throwIfInvalid(input.template, input.templateName);
  const { name, os } = template;
  const isKnown = os.name !== UNKNOWN;
  await deps.store.writeRecord(
    await buildInitialRecord(deps, ref, {
      type: 'BaseImage',
      template: input.template,
      name,
      ...(isKnown ? { os: { name: os.name, version: os.version, arch: os.arch } } : {}),
      parameters: { ...parameters },
    }),
  );
  const cloud = deps.clouds.get(ref.cloud);
  const [flavor, network] = input.boots
    ? await Promise.all([chooseFlavor(cloud, parameters), chooseNetwork(cloud, parameters)])
    : [];
  const image = await planGivenImage(deps, cloud, parameters, isKnown ? os.arch : undefined);
  if (image === undefined) throw new FactoryError('Internal', 'the import names no disk');
  const { given, minDisk } = image;
  const disks =
    flavor === undefined
      ? { minDisk: 0 }
      : await planDisks(cloud, { installer: {}, template }, flavor, parameters, minDisk);
  const digest = computeDigest({ ...given, flavor: flavor?.name, rootVolume: disks.volumes?.root });
  await deps.store.writeDocument(ref.uuid, 'template.tdl', input.template);
  await deps.store.writeDocument(ref.uuid, 'parameters.json', JSON.stringify(parameters));
  if (!input.boots) {
    const warnings = ['there is no package list: the image was imported without a boot (--no-boot)'];
    await writePackageList(deps, ref.uuid, { details: null, warnings });
  }
  return {
    name,
    imageName: parameters.image_name ?? name,
    os: { name: os.name, version: os.version, arch: os.arch },
    osLabel: isKnown ? `${os.name} ${os.version} ${os.arch}` : 'a system that is not known yet',
    jeosDigest: digest,
    // No installer run has these ids, because nothing is installed.
    jeosWorkflowId: getJeosWorkflowId(ref.uuid, digest),
    jeosDocumentsId: getJeosDocumentsId(ref.uuid, digest),
    givenImage: given,
    // Without a boot, there is no instance.
    flavorId: flavor?.id ?? '',
    networkId: network?.id ?? '',
    instanceDigest: computeInstanceDigest(digest, network?.id ?? '', parameters, disks),
    queueId: createQueueWorkflowId(await readProject(cloud), cloud.region),
    ...disks,
    guestSteps: [],
    warnings: [],
    bodyPath: deps.store.bodyPath(ref.uuid),
  };
}

function readProject(cloud: Cloud): Promise<string> {
  return cloud.getProjectId({ signal: cancellationSignal() });
}
