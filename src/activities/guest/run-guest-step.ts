import { FactoryError } from '../../domain/errors.js';
import { planGuestSteps, computeStepDigest, type GuestStep } from '../../planning/plan.js';
import { maskSecrets } from '../../planning/secrets.js';
import { packagesFromListing, writeIcicle as icicleText } from '../../icicle/icicle.js';
import { checkPrivilege } from '../../guest/access.js';
import type { Guest, JournalOptions, JournalResult } from '../../guest/types.js';
import type { OsProfile } from '../../os/types.js';
import { contentBytes } from '../shared/template-content.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { loadProfile, loadSecrets } from '../shared/documents.js';
import { inGuest } from './guest-connection.js';
import { forgetStep, recordStep, recordAllSteps } from './guest-record.js';
import type { GuestInput } from '../shared/types.js';

/** Characters of a failed command's output that its message carries. */
const OUTPUT_TAIL = 2000;
/** Seconds that our own scripts may take. */
const OWN_SCRIPT_TIMEOUT = 1200;

export interface RunGuestStep extends GuestInput {
  /** Name of the step in the plan. */
  step: string;
  /** Seconds. */
  timeout: number;
  /** Which try to get it done this is: a failed step is run again under a new name. */
  round: string;
  /** Run it though the guest has done it. */
  forceRerun: boolean;
  /** Run a command again that was interrupted. */
  rerun: boolean;
}

/** What is run once in a guest. */
interface Once extends Pick<JournalOptions, 'timeout' | 'round' | 'forceRerun'> {
  key: string;
  title: string;
  script: string;
  /** How many times it may be run again when it is interrupted. */
  reruns: number;
}

/** How many times a guest may reboot under a step that may be run again. */
const RERUNS = 3;

/** Runs a script once, whatever becomes of this worker, and fails if it did. */
async function runOnce(deps: Deps, guest: Guest, secrets: string[], what: Once): Promise<JournalResult> {
  const result = await deps.journal.run(guest, what.key, what.script, {
    timeout: what.timeout,
    round: what.round,
    forceRerun: what.forceRerun,
    signal: cancellationSignal(),
    onOutput: (chunk) => reportProgress({ message: what.title, consoleLine: maskSecrets(lastLine(chunk), secrets) }),
  });
  const output = maskSecrets(result.output, secrets).trimEnd().slice(-OUTPUT_TAIL);
  if (result.interrupted && what.reruns > 0) {
    reportProgress({ message: `${what.title}: was interrupted, and is run again` });
    return runOnce(deps, guest, secrets, { ...what, round: `${what.round}r`, reruns: what.reruns - 1 });
  }
  if (result.interrupted) {
    throw new FactoryError('CommandInterrupted', `${what.title}: interrupted, the guest went away while it ran`, {
      hint: 'it is not run again by itself, because it may have done half of its work; --parameter rerunnable_commands True allows it',
    });
  }
  if (result.exitCode !== 0) {
    throw new FactoryError('CommandFailed', `${what.title}: ended with exit status ${result.exitCode}\n${output}`, {
      hint: 'correct the template; imagefactory resume takes it, and the installed system (JEOS) is used again',
    });
  }
  return result;
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.slice(0, 200) ?? '';
}

/** Runs one step of the template: a repository, a command, the packages or a file. */
export async function runGuestStep(deps: Deps, input: RunGuestStep): Promise<void> {
  const { template, profile } = await loadProfile(deps, input.ref.uuid);
  const secrets = await loadSecrets(deps, input.ref.uuid);
  const step = planGuestSteps(template, profile).find((candidate) => candidate.name === input.step);
  if (step === undefined) throw new FactoryError('Internal', `the template has no step ${input.step}`);
  const { uuid } = input.ref;
  const { serverId } = input.guest;
  await inGuest(deps, input, async (guest) => {
    await recordStep(deps, uuid, serverId, { name: step.name, digest: computeStepDigest(step) });
    try {
      if (step.kind === 'file') await writeTemplateFile(deps, guest, uuid, step);
      else await runScript(deps, guest, input, { step, profile, secrets });
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
  await guest.writeFile(file.name, await contentBytes(deps, uuid, file.content), { signal: cancellationSignal() });
}

async function runScript(
  deps: Deps,
  guest: Guest,
  input: RunGuestStep,
  { step, profile, secrets }: { step: ScriptStep; profile: OsProfile; secrets: string[] },
): Promise<void> {
  const script = await renderStepScript(deps, input, step, profile);
  // What we bring ourselves can be run any number of times.
  const mayRerun = input.rerun || (step.kind !== 'command' && step.kind !== 'precommand');
  const { timeout, round, forceRerun } = input;
  const reruns = mayRerun ? RERUNS : 0;
  await runOnce(deps, guest, secrets, {
    key: step.name,
    title: step.title,
    script,
    timeout,
    round,
    forceRerun,
    reruns,
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
      return (await contentBytes(deps, input.ref.uuid, step.command.content)).toString('utf8');
  }
}

/** Lists the guest's packages, and keeps the ICICLE document in the store. */
export async function writeIcicle(deps: Deps, input: GuestInput): Promise<{ packages: number }> {
  const { template, profile } = await loadProfile(deps, input.ref.uuid);
  const secrets = await loadSecrets(deps, input.ref.uuid);
  return inGuest(deps, input, async (guest) => {
    const listing = await output(guest, secrets, 'list the installed packages', profile.listPackages);
    const command = template.os.icicleExtraCommand;
    const extra =
      command === undefined ? undefined : await output(guest, secrets, 'the ICICLE’s extra command', command);
    const packages = packagesFromListing(listing, extra);
    await deps.store.writeDocument(input.ref.uuid, 'icicle.xml', icicleText(packages, template.description));
    return { packages: packages.length };
  });
}

async function output(guest: Guest, secrets: string[], title: string, command: string): Promise<string> {
  reportProgress({ message: title });
  const result = await guest.run(command, {
    timeout: OWN_SCRIPT_TIMEOUT,
    signal: cancellationSignal(),
    maxOutput: 16 * 1024 * 1024,
  });
  if (result.exitCode === 0) return result.stdout;
  const tail = maskSecrets(result.stderr || result.stdout, secrets)
    .trimEnd()
    .slice(-OUTPUT_TAIL);
  throw new FactoryError('CommandFailed', `${title}: ended with exit status ${result.exitCode}\n${tail}`);
}

/** Removes the machine's identity from the guest: nothing that belongs to this one instance may be in the image. */
export async function cleanGuest(deps: Deps, input: GuestInput & { round: string }): Promise<void> {
  const of = await loadProfile(deps, input.ref.uuid);
  const secrets = await loadSecrets(deps, input.ref.uuid);
  await inGuest(deps, input, async (guest) => {
    await checkPrivilege(guest, input.guest.prefix, { signal: cancellationSignal() });
    const { title, script } = of.profile.cleanGuest();
    const { round } = input;
    await recordAllSteps(deps, input.ref.uuid, input.guest.serverId, of);
    // An earlier run of the build may have cleaned it before this one did steps of the template again.
    const how = { timeout: OWN_SCRIPT_TIMEOUT, round, forceRerun: true, reruns: RERUNS };
    await runOnce(deps, guest, secrets, { key: 'clean', title, script, ...how });
  });
}
