import { FactoryError } from '../../domain/errors.js';
import { planGuestSteps, computeStepDigest, type GuestStep } from '../../planning/plan.js';
import type { Guest } from '../../guest/types.js';
import type { OsProfile } from '../../os/profile/types.js';
import { readContent } from '../shared/template-content.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { withRunningGuest } from './guest-connection.js';
import { forgetStep, recordStep } from '../instance/instance-record.js';
import { RERUNS, runScriptOnce } from './run-script-once.js';
import type { GuestInput } from './guest-location.js';

export interface RunTemplateStepInput extends GuestInput {
  /** Name of the step in the plan. */
  step: string;
  /** Seconds after which the step fails. */
  timeout: number;
  /** Name of the round. The guest's journal runs a failed step again only in a new round. */
  round: string;
  /** Whether to run the step again although the guest's journal shows that the step has succeeded. */
  forceRerun: boolean;
  /** Whether to run a command again after an interruption. */
  rerunInterrupted: boolean;
}

/** Runs one step of the template: a repository, a command, the packages or a file. */
export async function runTemplateStep(deps: Deps, input: RunTemplateStepInput): Promise<void> {
  const build = loadBuild(deps, input.ref.uuid);
  const [template, profile] = await Promise.all([build.template(), build.profile()]);
  const step = planGuestSteps(template, profile).find((candidate) => candidate.name === input.step);
  if (step === undefined) throw new FactoryError('Internal', `the template has no step ${input.step}`);
  const { uuid } = input.ref;
  const { serverId } = input.guest;
  await withRunningGuest(deps, build, input, async (guest) => {
    await recordStep(deps, uuid, serverId, { name: step.name, digest: computeStepDigest(step) });
    try {
      if (step.kind === 'file') await writeTemplateFile(deps, guest, uuid, step);
      else await runScript(deps, guest, input, { step, profile });
    } catch (error) {
      if (error instanceof FactoryError && !error.retryable) await forgetStep(deps, uuid, serverId, step.name);
      throw error;
    }
  });
}

type FileStep = Extract<GuestStep, { kind: 'file' }>;

type ScriptStep = Exclude<GuestStep, FileStep>;

async function writeTemplateFile(deps: Deps, guest: Guest, uuid: string, { title, file }: FileStep): Promise<void> {
  reportProgress({ message: title });
  await guest.writeFile(file.name, await readContent(deps, uuid, file.content), { signal: cancellationSignal() });
}

async function runScript(
  deps: Deps,
  guest: Guest,
  input: RunTemplateStepInput,
  { step, profile }: { step: ScriptStep; profile: OsProfile },
): Promise<void> {
  const script = await renderStepScript(deps, input, step, profile);
  // The scripts that imagefactory itself provides can safely run more than once. For the commands of a template, this
  // is not certain.
  const isCommand = step.kind === 'command' || step.kind === 'precommand';
  const mayRerun = input.rerunInterrupted || !isCommand;
  const { timeout, round, forceRerun } = input;
  const reruns = mayRerun ? RERUNS : 0;
  await runScriptOnce(deps, guest, {
    uuid: input.ref.uuid,
    key: step.name,
    title: step.title,
    script,
    timeout,
    round,
    forceRerun,
    reruns,
    prefersBash: isCommand,
  });
}

async function renderStepScript(deps: Deps, input: GuestInput, step: ScriptStep, profile: OsProfile): Promise<string> {
  switch (step.kind) {
    case 'repository':
      return profile.addRepository(step.repository).script;
    case 'remove-repository':
      return profile.removeRepository(step.repository).script;
    case 'packages':
      return profile.installPackages(step.packages).script;
    case 'precommand':
    case 'command':
      return (await readContent(deps, input.ref.uuid, step.command.content)).toString('utf8');
  }
}
