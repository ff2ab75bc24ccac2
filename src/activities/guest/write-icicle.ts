import { FactoryError } from '../../domain/errors.js';
import { cutStart } from '../../domain/cut.js';
import { parseListing, writeIcicle as icicleText } from '../../icicle/icicle.js';
import type { Guest } from '../../guest/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { withRunningGuest } from './guest-connection.js';
import { OUTPUT_TAIL, OWN_SCRIPT_TIMEOUT } from './run-script-once.js';
import type { GuestInput } from './guest-location.js';

/** Lists the guest's packages, and writes the ICICLE document to the store. */
export async function writeIcicle(deps: Deps, input: GuestInput): Promise<{ packages: number }> {
  const build = loadBuild(deps, input.ref.uuid);
  const [template, profile] = await Promise.all([build.template(), build.profile()]);
  return withRunningGuest(deps, build, input, async (guest) => {
    const listing = await readOutput(guest, 'list the installed packages', profile.listPackages);
    const command = template.os.icicleExtraCommand;
    const extra = command === undefined ? undefined : await readOutput(guest, 'the ICICLE’s extra command', command);
    const packages = parseListing(listing, extra);
    await deps.store.writeDocument(input.ref.uuid, 'icicle.xml', icicleText(packages, template.description));
    return { packages: packages.length };
  });
}

async function readOutput(guest: Guest, title: string, command: string): Promise<string> {
  reportProgress({ message: title });
  const result = await guest.run(command, {
    timeout: OWN_SCRIPT_TIMEOUT,
    signal: cancellationSignal(),
    maxOutput: 16 * 1024 * 1024,
  });
  if (result.exitCode === 0) return result.stdout;
  const tail = cutStart((result.stderr || result.stdout).trimEnd(), OUTPUT_TAIL);
  throw new FactoryError('CommandFailed', `${title}: ended with exit status ${result.exitCode}\n${tail}`);
}
