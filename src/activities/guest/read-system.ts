import { FactoryError } from '../../domain/errors.js';
import type { Guest } from '../../guest/types.js';
import { findSystemProfile } from '../../os/registry.js';
import { readToldSystem, type ToldSystem } from '../../os/told-system.js';
import { writeImportTemplate } from '../../planning/import-template.js';
import { throwIfInvalid } from '../../tdl/parse.js';
import { loadBuild } from '../shared/build-documents.js';
import { type Deps, cancellationSignal, reportProgress } from '../shared/context.js';
import { writePackageList } from '../shared/package-list.js';
import { withRunningGuest } from './guest-connection.js';
import type { GuestInput } from './guest-location.js';

/** The system of a guest, as the guest itself says. */
export interface ReadSystem {
  os: ToldSystem;
  /** "Debian 12 x86_64" */
  osLabel: string;
  /** Whether we know how to list the packages of the system. */
  listsPackages: boolean;
}

/**
 * Asks the guest of an import which system it is, and writes the answer into the template of the import and its record.
 * @throws FactoryError UnsupportedOs when the guest does not say it
 */
export async function readSystem(deps: Deps, input: GuestInput & { source: string }): Promise<ReadSystem> {
  const { ref, source } = input;
  const build = loadBuild(deps, ref.uuid);
  reportProgress({ message: 'asking the guest which system it is' });
  const os = await withRunningGuest(deps, build, input, askGuest);
  const { name } = await build.template();
  const template = writeImportTemplate(name, source, os);
  const { packageManager } = findSystemProfile(throwIfInvalid(template, 'template.tdl'));
  await deps.store.writeDocument(ref.uuid, 'template.tdl', template);
  const record = await deps.store.readRecord(ref.uuid);
  if (record !== undefined) await deps.store.writeRecord({ ...record, template, os: { ...os } });
  const osLabel = `${os.name} ${os.version} ${os.arch}`;
  const listsPackages = packageManager !== 'none';
  if (!listsPackages) {
    const warnings = [`there is no package list: imagefactory does not know the package manager of ${osLabel}`];
    await writePackageList(deps, ref.uuid, { details: null, warnings });
  }
  return { os, osLabel, listsPackages };
}

async function askGuest(guest: Guest): Promise<ToldSystem> {
  const ask = async (command: string): Promise<string> =>
    (await guest.run(command, { signal: cancellationSignal(), privileged: false })).stdout.trim();
  const told = readToldSystem(await ask('cat /etc/os-release || cat /usr/lib/os-release'), await ask('uname -m'));
  if (told !== undefined) return told;
  throw new FactoryError('UnsupportedOs', 'the guest does not say which system it is: it has no os-release', {
    hint: 'name the system, and import the disk without a boot: --no-boot --os NAME-VERSION/ARCH',
  });
}
