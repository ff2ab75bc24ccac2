import { createHash } from 'node:crypto';
import { FactoryError } from '../../domain/errors.js';
import type { PreparedImageInput } from '../../domain/prepared-image.js';
import type { BuildRef } from '../../domain/names.js';
import type { BuildRecord } from '../../domain/record.js';
import type { TargetParameters } from '../../domain/target-image-input.js';
import type { Target } from '../../domain/targets.js';
import { findProfile } from '../../os/registry.js';
import type { OsProfile } from '../../os/profile/types.js';
import { deriveUuid } from '../../planning/derive-uuid.js';
import { canonicalJson, computeStepDigest, planGuestSteps } from '../../planning/plan.js';
import { findVariant, planPreparation } from '../../profiles/prepare.js';
import { findTargetProfile } from '../../profiles/registry.js';
import { chooseContent, parseTargetContent } from '../../profiles/target-content.js';
import type { Preparation } from '../../profiles/types.js';
import { listUrls } from '../../tdl/content.js';
import { parseTemplate } from '../../tdl/parse.js';
import type { Template } from '../../tdl/types.js';
import { writeTemplate } from '../../tdl/write-template.js';
import { fetchContent } from '../plan/plan-base-image.js';
import { planInstance, requireInstance } from '../plan/plan-instance.js';
import { BASE_TEMPLATE } from '../shared/build-documents.js';
import { contentDocumentName } from '../shared/template-content.js';
import type { Deps } from '../shared/context.js';
import type { SourceImage } from '../images/source-image.js';

/** Increase this number when the same input makes another prepared image than before. */
const REVISION = 1;

export interface PreparedImageRequest {
  ref: BuildRef;
  base: BuildRecord;
  source: SourceImage;
  target: Target;
  parameters: TargetParameters;
  heartbeatTimeout: number;
}

/**
 * Plans what is done in the guest of a base image for a target, and writes the documents for it to the store, under the
 * UUID of the target image. Returns undefined when there is nothing to do: then the base image is converted as it is.
 * @throws FactoryError InvalidParameter for a mistake in `target_content`; the errors of `planInstance`
 */
export async function planPreparedImage(
  deps: Deps,
  request: PreparedImageRequest,
): Promise<PreparedImageInput | undefined> {
  const { ref, base, source, parameters } = request;
  const system = readSystem(base);
  if (system === undefined) {
    if (parameters.target_content === undefined) return undefined;
    throw new FactoryError('InvalidParameter', `parameter target_content: nothing can be done in ${base.os.name}`, {
      hint: 'docs/operating-systems.md lists the systems in whose guests imagefactory can work',
    });
  }
  const preparation = choosePreparation(request, system.profile);
  if (preparation === undefined) return undefined;
  const { template, profile } = system;
  const prepared: Template = { ...template, ...preparation.fragment };
  requireInstance(base, 'to convert the image as it is: --parameter target_profile none');
  const instance = await planInstance(deps, base, profile);
  const contents = new Map<string, Buffer>();
  for (const url of listUrls(prepared)) contents.set(contentDocumentName(url), await fetchContent(deps, url));
  const steps = planGuestSteps(prepared, profile);
  const digest = computeDigest({
    revision: REVISION,
    base: source,
    steps,
    contents: [...contents].map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')]),
    requirements: preparation.requirements,
  });
  await writeDocuments(deps, ref.uuid, {
    ...Object.fromEntries(contents),
    'template.tdl': writeTemplate(prepared),
    [BASE_TEMPLATE]: base.template,
    'parameters.json': JSON.stringify(instance.parameters),
  });
  const { install_timeout, inactivity_timeout, boot_timeout, shutdown_timeout, snapshot_timeout, ...others } =
    instance.parameters;
  const { name, version, arch } = base.os;
  return {
    uuid: deriveUuid(`prepared:${ref.cloud}:${digest}`),
    cloud: ref.cloud,
    digest,
    base: { uuid: base.identifier, imageId: source.imageId, name: base.name },
    osLabel: `${name} ${version} ${arch}`,
    plan: {
      ...instance.plan,
      guestSteps: steps.map((step) => ({ name: step.name, title: step.title, digest: computeStepDigest(step) })),
    },
    parameters: {
      default_user: others.default_user,
      command_prefix: others.command_prefix,
      request_floating_ip: others.request_floating_ip,
      generate_icicle: others.generate_icicle,
      rerunnable_commands: parameters.target_content === undefined || others.rerunnable_commands,
      quota_timeout: others.quota_timeout,
      command_timeout: others.command_timeout,
    },
    requirements: preparation.requirements,
    deadlines: { install_timeout, inactivity_timeout, boot_timeout, shutdown_timeout, snapshot_timeout },
    heartbeatTimeout: request.heartbeatTimeout,
  };
}

/**
 * Reads the system of a base image from its template. Returns undefined when the template does not say it, or when the
 * system is not known: such an image can still be converted.
 */
function readSystem(base: BuildRecord): { template: Template; profile: OsProfile } | undefined {
  const { template } = parseTemplate(base.template);
  if (template === undefined) return undefined;
  try {
    return { template, profile: findProfile(template).profile };
  } catch (error) {
    if (error instanceof FactoryError && error.type === 'UnsupportedOs') return undefined;
    throw error;
  }
}

function choosePreparation(
  { base, target, parameters }: PreparedImageRequest,
  { family, version }: OsProfile,
): Preparation | undefined {
  const { os } = base;
  const usesProfile = target.profile !== undefined && parameters.target_profile !== 'none';
  const variant = usesProfile
    ? findVariant(findTargetProfile(target.profile ?? ''), { family, version, arch: os.arch })
    : undefined;
  const own = chooseContent(parseTargetContent(parameters.target_content), {
    targets: [target.name, ...target.aliases],
    os: os.name,
    version: os.version,
    arch: os.arch,
  });
  return planPreparation(variant, os.arch, own === undefined ? [] : [own]);
}

async function writeDocuments(
  deps: Pick<Deps, 'store'>,
  uuid: string,
  documents: Readonly<Record<string, string | Buffer>>,
): Promise<void> {
  for (const [name, content] of Object.entries(documents)) await deps.store.writeDocument(uuid, name, content);
}

/** Computes a digest of a value: SHA-256, 64 hex digits. */
function computeDigest(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
