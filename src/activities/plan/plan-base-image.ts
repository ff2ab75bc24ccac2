import { FactoryError } from '../../domain/errors.js';
import type { BaseImageInput } from '../../domain/base-image-input.js';
import { createQueueWorkflowId } from '../../domain/create-queue.js';
import { parseParameters, type BuildParameters } from '../../domain/parameters.js';
import { type BuildPlan, computeDigest, computeJeosDigest, planBuild, computeStepDigest } from '../../planning/plan.js';
import type { BuildRecord } from '../../domain/record.js';
import type { Cloud, Flavor, NeutronNetwork } from '../../openstack/types.js';
import { isLocalFile, readLocalFile } from '../../media/local-file.js';
import { checkGrubPrograms } from '../../media/grub.js';
import { checkIsoPrograms } from '../../media/iso.js';
import { fetchBytes } from '../../media/text.js';
import {
  type BootMethod,
  bootMethodFor,
  checkBootMethod,
  hasOurLoader,
  stubFirmwares,
} from '../../os/installer/boot-method.js';
import { profileFor } from '../../os/registry.js';
import { memoryWarning } from '../../os/installer/memory.js';
import { throwIfInvalid } from '../../tdl/parse.js';
import { urlsOf } from '../../tdl/content.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { deriveUuid } from '../images/ensure-image.js';
import { contentDocument } from '../shared/template-content.js';
import { imageNamed, isInGlance, nameInGlance } from '../media/medium-in-glance.js';
import { checkWebDownload } from '../media/medium-web.js';
import { planDisks, type PlannedDisks } from './root-disk.js';
import type { PlanBaseImage, PlannedBuild } from '../shared/types.js';

/** Bytes that a file or command given as an address may have. */
const CONTENT_LIMIT = 16 * 1024 * 1024;

/** A plan, and what it was made from. */
export interface PreparedPlan {
  planned: PlannedBuild;
  parameters: BuildParameters;
  /** Fetched contents that the template names by address, by the name of their document. */
  contents: Map<string, Buffer>;
}

/**
 * Finds every mistake before a machine is booted: template, install script, parameters, then what they need in the cloud.
 * Puts the documents into the store, so that no later activity carries them.
 */
export async function planBaseImage(deps: Deps, { ref, input }: PlanBaseImage): Promise<PlannedBuild> {
  // Also of a build that fails here people will ask what became of it.
  await deps.store.writeRecord(await firstRecord(deps, { ref, input }));
  const prepared = await preparePlan(deps, { ref, input });
  await storePlan(deps, { ref, input }, prepared);
  return prepared.planned;
}

/** Makes a plan; nothing is kept of it yet. */
export async function preparePlan(deps: Deps, { ref, input }: PlanBaseImage): Promise<PreparedPlan> {
  const parameters = parseParameters({ ...input.parameters });
  const template = throwIfInvalid(input.template, input.templateName);
  const plan = planBuild({ template, installScript: parameters.install_script, parameters });
  // The stock one, or the one whose names are filled in: later steps know no other.
  parameters.install_script = plan.script;
  if (plan.firmware !== undefined) parameters.firmware = plan.firmware;
  const cloud = deps.clouds.get(ref.cloud);
  parameters.boot_method = await chooseBootMethod(cloud, parameters, plan);
  reportProgress({ message: 'looking for the flavor and the network' });
  const [flavor, network, project] = await Promise.all([
    chooseFlavor(cloud, parameters),
    chooseNetwork(cloud, parameters),
    cloud.getProjectId({ signal: cancellationSignal() }),
  ]);
  if (parameters.web_download) await checkWebDownload(cloud, mediaUrls(plan));
  const disks = await planDisks(cloud, plan, flavor, parameters);
  reportProgress({ message: 'fetching what the template names by address' });
  const contents = new Map<string, Buffer>();
  for (const url of urlsOf(template)) {
    contents.set(contentDocument(url), await contentOf(deps, url));
  }
  const isoImage = await imageOfMedium(deps, ref.cloud, plan);
  const digest = computeJeosDigest({
    plan,
    parameters,
    flavor: flavor.name,
    rootVolume: disks.volumes?.root,
    isoImage,
  });
  // One that is not shared has its digest in its name too: the build may be resumed as another system while its first is being installed.
  const own = parameters.reuse_jeos ? ref.cloud : ref.uuid;
  const memory = memoryWarning(template, profileFor(template).profile, flavor);
  const planned: PlannedBuild = {
    name: template.name,
    imageName: parameters.image_name ?? `${template.name}-base`,
    os: { name: template.os.name, version: template.os.version, arch: template.os.arch },
    osLabel: plan.osLabel,
    jeosDigest: digest,
    jeosWorkflowId: `jeos-${own}-${digest.slice(0, 16)}`,
    jeosDocumentsId: deriveUuid(`jeos:${own}:${digest}`),
    flavorId: flavor.id,
    networkId: network.id,
    instanceDigest: instanceDigest(digest, network.id, parameters, disks),
    ...(plan.user === parameters.default_user ? {} : { user: plan.user }),
    queueId: createQueueWorkflowId(project, cloud.region),
    ...disks,
    guestSteps: plan.steps.map((step) => ({ name: step.name, title: step.title, digest: computeStepDigest(step) })),
    warnings: memory === undefined ? plan.warnings : [...plan.warnings, memory],
    bodyPath: deps.store.bodyPath(ref.uuid),
  };
  return { planned, parameters, contents };
}

/** What the customised instance is made from; the flavor is in the digest of its JEOS. */
function instanceDigest(jeos: string, network: string, parameters: BuildParameters, { volumes }: PlannedDisks): string {
  const { availability_zone: zone, config_drive: configDrive, volume_type: type } = parameters;
  return computeDigest({ jeos, network, zone, configDrive, ...(volumes?.root === undefined ? {} : { root: volumes.root, type }) }); // prettier-ignore
}

function mediaUrls({ installer: { kernel, ramdisk, medium } }: BuildPlan): string[] {
  return medium === undefined ? [...kernel.urls, ...ramdisk.urls] : [medium.url];
}

/** The id of the image that the template's medium is, where it is one of the cloud's. @throws FactoryError as `imageNamed` */
async function imageOfMedium(deps: Deps, cloud: string, { installer }: BuildPlan): Promise<string | undefined> {
  const { medium } = installer;
  if (medium === undefined || !isInGlance(medium.url)) return undefined;
  return (await imageNamed(deps, cloud, nameInGlance(medium.url))).id;
}

/** Puts what a plan was made from into the store, and what it says into the record. */
export async function storePlan(
  deps: Deps,
  { ref, input }: PlanBaseImage,
  { planned, parameters, contents }: PreparedPlan,
): Promise<void> {
  for (const [name, bytes] of contents) await deps.store.writeDocument(ref.uuid, name, bytes);
  await writeDocuments(deps, ref.uuid, input, parameters);
  await writeDocuments(deps, planned.jeosDocumentsId, input, parameters);
  const record = await firstRecord(deps, { ref, input });
  await deps.store.writeRecord({ ...record, parameters: { ...parameters }, name: planned.name, os: planned.os });
}

async function writeDocuments(
  deps: Deps,
  uuid: string,
  input: BaseImageInput,
  parameters: BuildParameters,
): Promise<void> {
  const { install_script: script, ...others } = parameters;
  await deps.store.writeDocument(uuid, 'template.tdl', input.template);
  await deps.store.writeDocument(uuid, 'install_script', script ?? '');
  await deps.store.writeDocument(uuid, 'parameters.json', JSON.stringify(others));
}

/** What a template's file or command has at its address. */
function contentOf(deps: Deps, url: string): Promise<Buffer> {
  return isLocalFile(url)
    ? readLocalFile(url, { directories: deps.filesFrom, maxBytes: CONTENT_LIMIT })
    : fetchBytes(url, { maxBytes: CONTENT_LIMIT, signal: cancellationSignal() });
}

/** @throws FactoryError InvalidParameter where the installer cannot be booted so, or this worker cannot make what it is booted from */
async function chooseBootMethod(cloud: Cloud, parameters: BuildParameters, plan: BuildPlan): Promise<BootMethod> {
  reportProgress({ message: 'looking how the cloud can boot an installer' });
  const formats = await cloud.image.listDiskFormats({ signal: cancellationSignal() });
  const method = parameters.boot_method ?? bootMethodFor(formats, plan.installer);
  const { arch } = plan.template.os;
  checkBootMethod(method, { plan: plan.installer, arch, firmware: parameters.firmware });
  if (plan.installer.medium?.script?.beside !== undefined) await checkIsoPrograms(cancellationSignal());
  if (hasOurLoader(method, plan.installer)) await checkGrubPrograms(stubFirmwares(arch), cancellationSignal());
  return method;
}

async function chooseFlavor({ name: cloud, compute }: Cloud, parameters: BuildParameters): Promise<Flavor> {
  const flavor =
    parameters.flavor === undefined
      ? undefined
      : await compute.findFlavor(parameters.flavor, { signal: cancellationSignal() });
  if (flavor === undefined) {
    const known = (await compute.listFlavors({ signal: cancellationSignal() }))
      .map(({ id, name }) => `${name} (${id})`)
      .join(', ');
    const message = parameters.flavor === undefined ? 'no flavor is given' : `there is no flavor ${parameters.flavor}`;
    throw new FactoryError('NotFound', `${message} on cloud ${cloud}`, {
      hint: `--parameter flavor takes one of: ${known}`,
    });
  }
  return flavor;
}

async function chooseNetwork({ name: cloud, network }: Cloud, parameters: BuildParameters): Promise<NeutronNetwork> {
  if (parameters.network !== undefined) {
    const named = await network.findNetwork(parameters.network, { signal: cancellationSignal() });
    if (named !== undefined) return named;
  }
  const all = await network.listNetworks({}, { signal: cancellationSignal() });
  const inner = all.filter((candidate) => !candidate['router:external']);
  const candidates = inner.length > 0 ? inner : all.filter((candidate) => candidate.shared);
  const only = candidates[0];
  if (parameters.network === undefined && candidates.length === 1 && only !== undefined) return only;
  const names = all.map((candidate) => candidate.name).join(', ') || 'none';
  const message =
    parameters.network === undefined
      ? `no network is given, and the project has ${candidates.length} to choose from`
      : `there is no network ${parameters.network}`;
  throw new FactoryError('NotFound', `${message} on cloud ${cloud}`, {
    hint: `--parameter network takes one of: ${names}`,
  });
}

/** The record as it stands before the template has been read. */
async function firstRecord(deps: Deps, { ref, input }: PlanBaseImage): Promise<BuildRecord> {
  const earlier = await deps.store.readRecord(ref.uuid);
  return {
    identifier: ref.uuid,
    type: 'BaseImage',
    data: deps.store.bodyPath(ref.uuid),
    template: input.template,
    icicle: null,
    status: 'BUILDING',
    status_detail: { activity: 'Initializing image prior to Cloud/OS customization', error: null },
    percent_complete: 0,
    parameters: { ...input.parameters },
    properties: {},
    workflow_id: ref.workflowId,
    cloud: ref.cloud,
    name: input.templateName,
    os: { name: '', version: '', arch: '' },
    created_at: earlier?.created_at ?? new Date().toISOString(),
    completed_at: null,
    glance_id: null,
    checksum: null,
    checksum_md5: null,
    size: null,
    min_disk: null,
    jeos: null,
    packages: null,
    timings: {},
    downloaded: false,
  };
}
