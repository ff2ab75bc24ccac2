import { FactoryError } from '../../domain/errors.js';
import { cutEnd } from '../../domain/cut.js';
import type { PackageDetails } from '../../domain/record.js';
import { LARGEST_EXTRA, pairWithExtra, parseListing, writeIcicle as icicleText } from '../../icicle/icicle.js';
import { LARGEST_DETAILS, parsePackageDetails } from '../../icicle/package-details.js';
import type { Guest } from '../../guest/types.js';
import type { OsProfile } from '../../os/profile/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { writePackageList } from '../shared/package-list.js';
import { withRunningGuest } from './guest-connection.js';
import type { GuestInput } from './guest-location.js';

/** Seconds that the package manager may take to list the packages. */
const LIST_TIMEOUT = 200;
/** Seconds that the template's extra_command may take. */
const EXTRA_TIMEOUT = 600;
/** How often a failing package manager is asked, because another program may have its database locked. */
const LIST_ATTEMPTS = 3;
/** Maximum length of what a warning says about a failed command, in characters. */
const WHY_SHOWN = 300;

export interface WrittenIcicle {
  /** Number of packages in the ICICLE; 0 when there is none. */
  packages: number;
  /** Why the list is missing or not complete. Unset when it is complete. */
  warnings?: string[];
}

/**
 * Lists the guest's packages, and writes the ICICLE document and the details of the packages to the store. A command
 * that fails in the guest never fails the step, because the image is complete without its list (ADR 0034): the step
 * then writes what it has, and returns a warning.
 */
export async function writeIcicle(deps: Deps, input: GuestInput): Promise<WrittenIcicle> {
  const build = loadBuild(deps, input.ref.uuid);
  const [template, profile] = await Promise.all([build.template(), build.profile()]);
  const { uuid } = input.ref;
  return withRunningGuest(deps, build, input, async (guest) => {
    const warnings: string[] = [];
    const warn = (warning: string): undefined => void warnings.push(warning);
    const listing = await attempt(
      () => askPackageManager(deps, guest, 'list the installed packages', profile.listPackages),
      'there is no ICICLE',
      warn,
    );
    if (listing === undefined) {
      await deps.store.deleteDocument(uuid, 'icicle.xml');
      await writePackageList(deps, uuid, { details: null, warnings });
      return { packages: 0, warnings };
    }
    const command = template.os.icicleExtraCommand;
    const packages =
      command === undefined
        ? parseListing(listing)
        : ((await attempt(
            async () => pairWithExtra(listing, await runExtraCommand(guest, command)),
            'the ICICLE has no <extra>',
            warn,
          )) ?? parseListing(listing));
    const details = await attempt(
      () => listDetails(deps, guest, profile),
      'the record has no versions and architectures',
      warn,
    );
    await deps.store.writeDocument(uuid, 'icicle.xml', icicleText(packages, template.description));
    await writePackageList(deps, uuid, { details: details ?? null, warnings });
    return { packages: packages.length, ...(warnings.length === 0 ? {} : { warnings }) };
  });
}

/** Runs `work`. If a command fails in the guest, warns of what is missing, and returns undefined. */
async function attempt<T>(
  work: () => Promise<T>,
  missing: string,
  warn: (text: string) => undefined,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isCommandFailure(error)) throw error;
    const why = error.message.replace(/\s*\n\s*/g, ' ').trim();
    return warn(`${missing}: ${cutEnd(why, WHY_SHOWN)}`);
  }
}

/** Whether a command in the guest has failed or did not end. After all other errors, the step is tried again. */
function isCommandFailure(error: unknown): error is FactoryError {
  return error instanceof FactoryError && (error.type === 'CommandFailed' || error.type === 'DeadlineExceeded');
}

/** @throws FactoryError CommandFailed also when the details are too many for a record */
async function listDetails(deps: Deps, guest: Guest, profile: OsProfile): Promise<PackageDetails[]> {
  const title = 'list the versions of the installed packages';
  const details = parsePackageDetails(await askPackageManager(deps, guest, title, profile.listPackageDetails));
  if (JSON.stringify(details).length <= LARGEST_DETAILS) return details;
  throw new FactoryError('CommandFailed', `${title}: ${details.length} packages are too many for a record`);
}

async function askPackageManager(deps: Deps, guest: Guest, title: string, command: string): Promise<string> {
  for (let round = 1; ; round++) {
    try {
      return await readOutput(guest, title, command, LIST_TIMEOUT);
    } catch (error) {
      const hasFailed = error instanceof FactoryError && error.type === 'CommandFailed';
      if (!hasFailed || round === LIST_ATTEMPTS) throw error;
    }
    await sleep(deps.pollInterval);
  }
}

/** @throws FactoryError CommandFailed also when the command prints more than an ICICLE may hold */
async function runExtraCommand(guest: Guest, command: string): Promise<string> {
  const title = 'the template’s extra_command';
  const output = await readOutput(guest, title, guest.shell.templateCommand(command), EXTRA_TIMEOUT);
  if (output.length <= LARGEST_EXTRA) return output;
  throw new FactoryError('CommandFailed', `${title}: printed more than ${LARGEST_EXTRA} characters`);
}

async function readOutput(guest: Guest, title: string, command: string, timeout: number): Promise<string> {
  reportProgress({ message: title });
  const result = await guest.run(command, {
    timeout,
    signal: cancellationSignal(),
    maxOutput: 16 * 1024 * 1024,
  });
  if (result.exitCode === 0) return result.stdout;
  const lastLine = (result.stderr.trim() || result.stdout.trim()).split('\n').at(-1) ?? '';
  throw new FactoryError('CommandFailed', `${title}: ended with exit status ${result.exitCode}: ${lastLine}`);
}
