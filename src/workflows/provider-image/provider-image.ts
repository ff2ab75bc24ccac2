import type { PlannedPush } from '../../activities/push/plan-provider-image.js';
import type { PushEnd } from '../../activities/push/end-push.js';
import type { ProviderImageResult, RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import { listAccounts, UPLOAD_TIMEOUT, type ProviderImageInput } from '../../domain/provider-image-input.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import type { BuildFailure } from '../../domain/status.js';
import { formatSize } from '../../domain/sizes.js';
import { BuildContext } from '../lifecycle/build-context.js';
import { createRecordWriter, runLifecycle } from '../lifecycle/lifecycle.js';
import type { CleanupReport } from '../lifecycle/with-cleanup.js';
import { HoldablePush } from './holdable-push.js';

type Push = BuildContext<'provider_image'>;

/** Seconds for which a push waits at most for its target image, whose own deadlines end the wait earlier. */
const LONGEST_WAIT = 30 * 24 * 3600;
/** Seconds that a provider may take to make an image of the uploaded file. */
const REGISTER_TIMEOUT = 24 * 3600;

/**
 * Makes a provider image: checks the provider and the target image, uploads the file, registers it as an image at the
 * provider, shares it, and writes the record. The target image stays as it is.
 */
export async function providerImage(given: ProviderImageInput): Promise<ProviderImageResult> {
  const { uuid, cloud, provider, targetImage, heartbeatTimeout } = given;
  const holdable = new HoldablePush(given);
  const push = new BuildContext({
    kind: 'provider_image',
    uuid,
    cloud,
    name: provider.name,
    heartbeatTimeout,
    holdable,
  });
  push.status.status.targetImage = targetImage;
  // Whether this run has made the image. What an earlier run has registered may be in use, and stays after a cancel.
  const made = { image: false };
  return runLifecycle(push, {
    build: () => runPhases(push, holdable, made),
    resultImages: () => [],
    cleanUp: ({ failure }) => endPush(push, given, nameEnd(failure, made.image)),
    cleansUpAfterPlan: true,
    writeRecord: createRecordWriter(push),
  });
}

async function runPhases(push: Push, holdable: HoldablePush, made: { image: boolean }): Promise<ProviderImageResult> {
  await waitForTarget(push, holdable);
  const planned = await plan(push, holdable);
  let sent = 0;
  let { registered } = planned;
  if (registered === undefined) {
    made.image = true;
    const uploaded = await upload(push, holdable, planned);
    sent = uploaded.sent;
    registered = await register(push, holdable, planned, uploaded);
  }
  const sharedWith = await share(push, holdable, registered);
  const { uuid, provider, targetImage } = holdable.input;
  const { kind, bodyPath: body } = planned;
  return { uuid, provider: provider.name, kind, targetImage, body, registered, sharedWith, sent };
}

async function waitForTarget({ ref, steps }: Push, holdable: HoldablePush): Promise<void> {
  const { targetImage, waitForTarget: waits } = holdable.input;
  if (waits !== true) return;
  await steps.run(
    { name: 'target', title: `wait until target image ${targetImage} is made`, budget: { total: LONGEST_WAIT } },
    'waitForTargetImage',
    () => ({ ref, input: holdable.input }),
  );
}

async function plan({ ref, status, steps }: Push, holdable: HoldablePush): Promise<PlannedPush> {
  const planned = await steps.run(
    {
      name: 'plan',
      title: `check the target image, and provider ${holdable.input.provider.name}`,
      budget: { total: 1800, attempt: 600 },
      note: ({ registered, location }) => (registered === undefined ? location : `${registered.id} is there already`),
    },
    'planProviderImage',
    () => ({ ref, input: holdable.input }),
  );
  const { name, version, arch } = planned.os;
  status.status.name = planned.name;
  status.status.os = `${name} ${version} ${arch}`;
  status.enterPhase('plan', 1, [
    { key: SEARCH_ATTRIBUTES.os, value: name },
    { key: SEARCH_ATTRIBUTES.osVersion, value: version },
    { key: SEARCH_ATTRIBUTES.arch, value: arch },
    { key: SEARCH_ATTRIBUTES.template, value: planned.template },
  ]);
  return planned;
}

async function upload(
  { ref, status, steps }: Push,
  holdable: HoldablePush,
  planned: PlannedPush,
): Promise<UploadedFile> {
  status.enterPhase('upload');
  return steps.run(
    () => ({
      name: 'upload',
      title: `upload ${formatSize(planned.size)} to ${planned.location}`,
      budget: { total: holdable.input.parameters.upload_timeout ?? UPLOAD_TIMEOUT },
      note: ({ sent, verifiedBy }) => `sent ${formatSize(sent)}; ${verifiedBy}`,
    }),
    'uploadToProvider',
    () => ({ ref, input: holdable.input }),
  );
}

async function register(
  { ref, status, steps }: Push,
  holdable: HoldablePush,
  planned: PlannedPush,
  uploaded: UploadedFile,
): Promise<RegisteredImage> {
  status.enterPhase('register');
  return steps.run(
    {
      name: 'register',
      title: `register the image at ${planned.location}`,
      budget: { total: REGISTER_TIMEOUT },
      note: ({ id }) => id,
    },
    'registerImage',
    () => ({ ref, input: holdable.input, uploaded }),
  );
}

async function share(
  { ref, status, steps }: Push,
  holdable: HoldablePush,
  registered: RegisteredImage,
): Promise<string[]> {
  const accounts = listAccounts(holdable.input.parameters);
  if (accounts.length === 0) return [];
  status.enterPhase('share');
  return steps.run({ name: 'share', title: `let others use the image: ${accounts.join(', ')}` }, 'shareImage', () => ({
    ref,
    input: holdable.input,
    registered,
  }));
}

function nameEnd(failure: BuildFailure | undefined, hasMadeImage: boolean): PushEnd {
  if (failure === undefined) return 'complete';
  if (failure.type !== 'Canceled') return 'failed';
  return hasMadeImage ? 'canceled' : 'complete';
}

/** Seconds in which what is left at the provider must be removed. The rest is for `imagefactory gc`. */
const END_BUDGET = { total: 1800, attempt: 600 };

/**
 * Ends the push at the provider. After a failure, what was uploaded stays, so that `imagefactory resume` goes on with
 * it; `imagefactory gc` removes it later. The credentials of this push are forgotten however that goes.
 */
async function endPush({ ref, steps }: Push, input: ProviderImageInput, end: PushEnd): Promise<CleanupReport> {
  try {
    const removed = await steps.run(
      {
        name: 'cleanup',
        title: end === 'failed' ? 'keep what was uploaded for a resume' : 'remove what only the push needed',
        budget: END_BUDGET,
        note: (list) => (list.length === 0 ? 'nothing was left' : `removed ${list.join(', ')}`),
      },
      'endPush',
      { ref, input, end },
    );
    return { removed, leftovers: [] };
  } finally {
    const { credentials } = input.provider;
    if (credentials !== undefined) {
      await steps.call('forgetCredentials', credentials, { summary: 'forget the credentials of this push' });
    }
  }
}
