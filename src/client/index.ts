/**
 * The library of imagefactory-nova: starts, follows and ends builds of operating-system images from a program. The
 * library connects to Temporal only, and prints nothing. The workers build the images and hold the cloud's credentials.
 *
 * Times are in milliseconds since the epoch, durations of parameters and deadlines in seconds, timeouts of this library
 * in milliseconds. Every error that is thrown on purpose is an {@link ImageFactoryError} with a `type` for programs and
 * a `hint` for people: a {@link ClientError} of this library, or a {@link FactoryError} when no image can be built from
 * the given input.
 *
 * @example
 * import { connectImageFactory, followBuild, startBuild, waitForImage } from 'imagefactory-nova';
 *
 * const client = await connectImageFactory();
 * const { uuid } = await startBuild(client, {
 *   template: { file: 'debian-12.tdl' },
 *   installScript: { file: 'debian-12.preseed' },
 *   parameters: { flavor: 'm1.small' },
 * });
 * for await (const { status } of followBuild(client, uuid)) console.error(`${status?.percent ?? 0} %`);
 * const image = await waitForImage(client, uuid);
 * console.log(image.glanceId);
 * await client.close();
 *
 * @module imagefactory-nova
 */

export {
  connectImageFactory,
  DEFAULT_TASK_QUEUE,
  workflowPageUrl,
  type ConnectOptions,
  type ImageFactoryClient,
} from './connection.js';
export { hasWorkers, listWorkerHosts } from './workers.js';
export { readPayloadKeys, readPayloadKeysFromEnv, type PayloadKeys } from '../codec/keys.js';

export { checkRequest, type BuildRequest, type CheckedRequest } from './build-request.js';
export type { GivenParameters } from './given-parameters.js';
export { readInstallScript, readTemplate, type NamedText, type TextSource } from './text-source.js';
export {
  cancelBuild,
  fetchStatus,
  getBuildHandle,
  findWorkflowId,
  getWorkflowId,
  setDeadline,
  startBuild,
  type StartedBuild,
} from './builds.js';
export {
  divideParameters,
  findTarget,
  parseTargetParameters,
  startTargetImage,
  TARGETS,
  type StartedTargetImage,
  listTargetProfiles,
  type DescribedProfile,
  type DiskFormatName,
  type FormatName,
  type RootFormatName,
  type DescribedVariant,
  type Target,
  type TargetRequest,
} from './targets.js';
export {
  listProviders,
  parseProviderParameters,
  PROVIDER_KINDS,
  PROVIDER_PARAMETERS,
  pushImage,
  startProviderImage,
  type DescribedProvider,
  type Finding,
  type GivenProvider,
  type ProviderKindName,
  type ProviderRequest,
  type StartedProviderImage,
  type StartedPush,
} from './providers.js';
export type { StartedOnce } from './start-once.js';
export { readCredentials, readProvider } from './provider-files.js';
export type { ProviderParameters } from '../domain/provider-image-input.js';
export type { ProviderKindDefinition } from '../domain/provider-kinds.js';
export type { ProviderImageResult, ReadProvidersInput, RegisteredImage } from '../domain/provider-image.js';
export type { TargetParameters } from '../domain/target-image-input.js';
export type { BootMachine, DiskController, NetworkAdapter } from '../domain/boot-machines.js';
export { findUuid, listBuilds, type FindUuidOptions } from './find-uuid.js';
export { fetchProgress, followBuild, type BuildProgress, type FollowOptions, type WorkflowProgress } from './follow.js';
export type { PendingActivity } from './pending-activity.js';
export { isSameBuild, listOpenBuilds, waitUntilIdle, type OpenBuild } from './open-builds.js';
export { waitForImage, waitForOutcome, type BuildOutcome, type ImageResult, type WaitOptions } from './outcome.js';
export { abortBuild, resumeBuild, type ResumeOptions } from './resume.js';
export { findEndedBuild, type EndedBuild } from './ended-build.js';
export { findInstallerCleanup, type InstallerCleanup } from './installer-cleanup.js';
export { closeSshSession, openSshSession } from './ssh-session.js';

export { deleteImage, findDeletion, type DeletedImage, type ImageDeletion } from './deletion.js';
export { checkImport, startImport, type ImportRequest } from './import.js';
export type { ImportFormat, ImportInput } from '../domain/import-input.js';
export { findForgottenBuild, findImage, findImages, type ImageRecord } from './images.js';
export { findLineage, type Lineage, type LineageDirection, type LineageImage } from './lineage.js';
export { findLogs, readLog } from './logs.js';
export { getSweepScheduleId, runSweep, scheduleSweeps, unscheduleSweeps } from './sweep.js';
export { registerSearchAttributes } from './search-attributes.js';

export { checkFiles, checkScript, checkTemplate, type CheckedTemplate } from './check-files.js';
export { renderStockScript, type StockScript } from './stock-script.js';
export { listFirstBuildSystems, prepareFirstBuild, type FirstBuild, type FirstBuildFile } from './first-build.js';
export { findReadableSecrets } from '../planning/secrets.js';
export {
  findOperatingSystem,
  listOperatingSystems,
  type OperatingSystem,
  type SupportedRelease,
} from './operating-systems.js';

export {
  AmbiguousNameError,
  BuildCanceledError,
  BuildFailedError,
  BuildNotFoundError,
  BuildStateError,
  ClientError,
  describeFileError,
  formatProblems,
  InvalidFilesError,
  NoWorkerError,
  TemporalUnavailableError,
  UnreadableFileError,
  type ClientErrorType,
  type FileReport,
  type NamedBuild,
} from './errors.js';
export {
  FactoryError,
  ImageFactoryError,
  type ErrorDetails,
  type ErrorType,
  type FactoryErrorOptions,
} from '../domain/errors.js';

export { describeWaiting } from '../domain/status.js';
export type { BuildParameters } from '../domain/parameters.js';
export type {
  BuildFailure,
  BuildStatus,
  HeldBuild,
  ImageStatus,
  Progress,
  StepStatus,
  Waiting,
} from '../domain/status.js';
export type {
  BaseImageResult,
  DeadlineChange,
  DeadlineName,
  DeleteImageResult,
  OpenedSession,
  ResumePointReport,
  SessionRequest,
} from '../domain/messages.js';
export type { TargetImageResult, ConvertedDisk } from '../domain/target-image-result.js';
export type { CloudSweep, SweepInput, SweepResult, SweptResource } from '../domain/sweep-report.js';
export type { ImageKind, Phase, RecordedKind, RecordType } from '../domain/image-kinds.js';
export type { BuildLog } from '../domain/build-log.js';
export type { Digest, ImageInput, ImageOutput, ParentImage } from '../domain/lineage.js';
export type { JeosOfImage } from '../domain/jeos-of-image.js';
export type { BuildRecord, PackageDetails } from '../domain/record.js';
export type { SweepLimits } from '../domain/sweep.js';
export type { Arch } from '../os/common/architectures.js';
export type { InstallScriptKind } from '../os/scripts/kinds/registry.js';
export type {
  Command,
  Content,
  Extra,
  Install,
  Package,
  Problem,
  Repository,
  Template,
  TemplateFile,
} from '../tdl/types.js';
