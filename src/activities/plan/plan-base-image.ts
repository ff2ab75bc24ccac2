import type { BaseImageInput } from '../../domain/base-image-input.js';
import { createQueueWorkflowId } from '../../domain/create-queue.js';
import type { ImageInput } from '../../domain/lineage.js';
import { isGlanceUrl, parseGlanceName } from '../../domain/image-source.js';
import { parseParameters, type BuildParameters } from '../../domain/parameters.js';
import { type BuildPlan, computeDigest, computeJeosDigest, planBuild, computeStepDigest } from '../../planning/plan.js';
import type { Cloud } from '../../openstack/types.js';
import { checkGrubPrograms } from '../../media/grub.js';
import { checkIsoPrograms } from '../../media/iso.js';
import { fetchBytes } from '../../media/text.js';
import { redactUrl } from '../../media/urls.js';
import {
  type BootMethod,
  selectBootMethod,
  checkBootMethod,
  usesOurBootLoader,
  listStubFirmwares,
} from '../../os/installer/boot-method.js';
import { findProfile } from '../../os/registry.js';
import { checkMemory } from '../../os/installer/memory.js';
import { throwIfInvalid } from '../../tdl/parse.js';
import { listUrls } from '../../tdl/content.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { contentDocumentName } from '../shared/template-content.js';
import { findIsoImage } from '../media/find-iso-image.js';
import { checkWebDownload } from '../media/web-download.js';
import { buildInitialRecord } from '../records/initial-record.js';
import { describeInput, describeOptions } from '../records/inputs.js';
import { chooseFlavor, chooseNetwork } from './choose-placement.js';
import { planGivenImage } from './plan-given-image.js';
import { planDisks, type PlannedDisks } from './root-disk.js';
import { getJeosDocumentsId, getJeosWorkflowId } from '../shared/jeos-ids.js';
import type { PlannedBuild } from './planned-build.js';
import type { BuildRef } from '../../domain/names.js';

export interface PlanBaseImageInput {
  ref: BuildRef;
  input: BaseImageInput;
}

/** The largest size in bytes of a file or command of the template that is fetched from a URL. */
const CONTENT_LIMIT = 16 * 1024 * 1024;

/** A plan, and the documents from which it was made. */
export interface PreparedPlan {
  planned: PlannedBuild;
  parameters: BuildParameters;
  /** The files and commands that the template names by URL, keyed by the name of their document. */
  contents: Map<string, { url: string; bytes: Buffer }>;
}

/**
 * Checks the template, the install script and the parameters, and then everything they need in the cloud, before any
 * instance is booted. Writes the documents to the store, so that later activities do not need them in their input.
 */
export async function planBaseImage(deps: Deps, { ref, input }: PlanBaseImageInput): Promise<PlannedBuild> {
  // Writes the record first, so that a build that fails during planning has a record too.
  const { template, templateName: name, parameters } = input;
  const known = { type: 'BaseImage', template, name, parameters: { ...parameters } } as const;
  await deps.store.writeRecord(await buildInitialRecord(deps, ref, known));
  const prepared = await preparePlan(deps, { ref, input });
  await storePlan(deps, { ref, input }, prepared);
  return prepared.planned;
}

/** Makes a plan, without storing anything. */
export async function preparePlan(deps: Deps, { ref, input }: PlanBaseImageInput): Promise<PreparedPlan> {
  const parameters = parseParameters({ ...input.parameters });
  const template = throwIfInvalid(input.template, input.templateName);
  const plan = planBuild({ template, installScript: parameters.install_script, parameters });
  // `plan.script` is the stock script, or the script of the user with its placeholders filled in. All later steps use
  // this script.
  if (parameters.jeos === undefined) parameters.install_script = plan.script;
  if (plan.firmware !== undefined) parameters.firmware = plan.firmware;
  const cloud = deps.clouds.get(ref.cloud);
  if (parameters.jeos === undefined) parameters.boot_method = await chooseBootMethod(cloud, parameters, plan);
  reportProgress({ message: 'looking for the flavor and the network' });
  const [flavor, network, project] = await Promise.all([
    chooseFlavor(cloud, parameters),
    chooseNetwork(cloud, parameters),
    cloud.getProjectId({ signal: cancellationSignal() }),
  ]);
  const { given, minDisk } = (await planGivenImage(deps, cloud, parameters, template.os.arch)) ?? {};
  if (parameters.web_download && given === undefined) await checkWebDownload(deps, cloud, listMediaUrls(plan));
  const disks = await planDisks(cloud, plan, flavor, parameters, minDisk);
  reportProgress({ message: 'fetching the files and commands that the template names by URL' });
  const contents: PreparedPlan['contents'] = new Map();
  for (const url of listUrls(template)) {
    contents.set(contentDocumentName(url), { url, bytes: await fetchContent(deps, url) });
  }
  const isoImage = await findMediumImageId(deps, ref.cloud, plan);
  const shape = { flavor: flavor.name, rootVolume: disks.volumes?.root };
  const digest =
    given === undefined
      ? computeJeosDigest({ plan, parameters, ...shape, isoImage })
      : computeDigest({ ...given, ...shape });
  // The workflow id contains the digest even when the JEOS belongs to one build only: a user may resume this build with
  // another system while the first system is still being installed. The second installation then needs another workflow
  // id.
  const own = parameters.reuse_jeos ? ref.cloud : ref.uuid;
  const memory = given === undefined ? checkMemory(template, findProfile(template).profile, flavor) : undefined;
  const planned: PlannedBuild = {
    name: template.name,
    imageName: parameters.image_name ?? `${template.name}-base`,
    os: { name: template.os.name, version: template.os.version, arch: template.os.arch },
    osLabel: plan.osLabel,
    jeosDigest: digest,
    jeosWorkflowId: getJeosWorkflowId(own, digest),
    jeosDocumentsId: getJeosDocumentsId(own, digest),
    ...(given === undefined ? {} : { givenImage: given }),
    flavorId: flavor.id,
    networkId: network.id,
    instanceDigest: computeInstanceDigest(digest, network.id, parameters, disks),
    ...(plan.user === parameters.default_user ? {} : { user: plan.user }),
    queueId: createQueueWorkflowId(project, cloud.region),
    ...disks,
    guestSteps: plan.steps.map((step) => ({ name: step.name, title: step.title, digest: computeStepDigest(step) })),
    warnings: memory === undefined ? plan.warnings : [...plan.warnings, memory],
    bodyPath: deps.store.bodyPath(ref.uuid),
  };
  return { planned, parameters, contents };
}

/**
 * Computes the digest of everything from which the customised instance is made. The JEOS digest already contains the
 * flavor.
 */
export function computeInstanceDigest(
  jeos: string,
  network: string,
  parameters: BuildParameters,
  { volumes }: PlannedDisks,
): string {
  const { availability_zone: zone, config_drive: configDrive, volume_type: type } = parameters;
  return computeDigest({ jeos, network, zone, configDrive, ...(volumes?.root === undefined ? {} : { root: volumes.root, type }) }); // prettier-ignore
}

function listMediaUrls({ installer: { kernel, ramdisk, medium } }: BuildPlan): string[] {
  return medium === undefined ? [...kernel.urls, ...ramdisk.urls] : [medium.url];
}

/**
 * Finds the id of the Glance image that the template names as its medium. Returns undefined when the URL of the medium
 * is not a Glance URL.
 * @throws FactoryError the errors of `findIsoImage`
 */
async function findMediumImageId(deps: Deps, cloud: string, { installer }: BuildPlan): Promise<string | undefined> {
  const { medium } = installer;
  if (medium === undefined || !isGlanceUrl(medium.url)) return undefined;
  return (await findIsoImage(deps, cloud, parseGlanceName(medium.url))).id;
}

/** Writes the plan's documents to the store, and completes the record of the build. */
export async function storePlan(
  deps: Deps,
  { ref, input }: PlanBaseImageInput,
  { planned, parameters, contents }: PreparedPlan,
): Promise<void> {
  for (const [name, { bytes }] of contents) await deps.store.writeDocument(ref.uuid, name, bytes);
  await writeDocuments(deps, ref.uuid, input, parameters);
  const { name, os } = planned;
  const { template } = input;
  const inputs = listInputs(input, parameters, contents);
  const known = { type: 'BaseImage', template, name, os, parameters: { ...parameters }, inputs } as const;
  await deps.store.writeRecord(await buildInitialRecord(deps, ref, known));
}

/** Lists what the image is made from, as far as the plan knows it. The JEOS is known when it is installed. */
function listInputs(
  { template, templateName }: BaseImageInput,
  { install_script: script = '', ...options }: BuildParameters,
  contents: ReadonlyMap<string, { url: string; bytes: Buffer }>,
): ImageInput[] {
  return [
    describeInput('template', templateName, template),
    ...(script === '' ? [] : [describeInput('install_script', 'install_script', script)]),
    ...[...contents.values()].map(({ url, bytes }) => describeInput('content', redactUrl(url), bytes)),
    describeOptions(options),
  ];
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

/** Fetches the content of a template's file or command. */
export function fetchContent({ access }: Deps, url: string): Promise<Buffer> {
  return fetchBytes(url, { maxBytes: CONTENT_LIMIT, signal: cancellationSignal(), access });
}

/**
 * Chooses how the installer is booted: by parameter boot_method, else the best method that the cloud supports.
 * @throws FactoryError InvalidParameter when the installer does not support the method, or this worker lacks the
 *   programs for it
 */
async function chooseBootMethod(cloud: Cloud, parameters: BuildParameters, plan: BuildPlan): Promise<BootMethod> {
  reportProgress({ message: 'choosing how to boot the installer on this cloud' });
  const formats = await cloud.image.listDiskFormats({ signal: cancellationSignal() });
  const method = parameters.boot_method ?? selectBootMethod(formats, plan.installer);
  const { arch } = plan.template.os;
  checkBootMethod(method, { plan: plan.installer, arch, firmware: parameters.firmware });
  if (plan.installer.medium?.script?.beside !== undefined) await checkIsoPrograms(cancellationSignal());
  if (usesOurBootLoader(method, plan.installer)) await checkGrubPrograms(listStubFirmwares(arch), cancellationSignal());
  return method;
}
