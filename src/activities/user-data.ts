import { FactoryError } from '../build/errors.js';
import type { BuildParameters } from '../build/parameters.js';
import type { CreateServer } from '../openstack/types.js';
import { userDataWithHostKey } from '../guest/cloud-config.js';
import type { Deps } from './context.js';
import { hostKeyOf } from './keys.js';
import type { CreateServerInput } from './types.js';

/** A document that an earlier step has written; without it the build cannot go on on this worker. */
export async function requiredDocument(deps: Deps, uuid: string, name: string): Promise<Buffer> {
  const document = await deps.store.readDocument(uuid, name);
  if (document !== undefined) return document;
  throw new FactoryError(
    'StoreFailed',
    `the store of this worker (${deps.store.directory}) has no ${name} of build ${uuid}`,
    {
      hint: 'all workers of a task queue must share one storage directory',
    },
  );
}

/** The parameters of a build or a JEOS, as the plan wrote them down. */
export async function parametersOf(deps: Deps, uuid: string): Promise<BuildParameters> {
  return JSON.parse((await requiredDocument(deps, uuid, 'parameters.json')).toString('utf8')) as BuildParameters;
}

/**
 * What an instance is given at its start besides image and flavor: the installer its install script, the customisation
 * instance an SSH host key, so that we know whom we talk to from the first connection on.
 */
export async function bootUserData(
  deps: Deps,
  input: CreateServerInput,
): Promise<Pick<CreateServer, 'user_data' | 'availability_zone' | 'config_drive'>> {
  const parameters = await parametersOf(deps, input.documents);
  const isInstaller = input.role === 'installer';
  const { config_drive: drive, script_transport: transport } = parameters;
  const data = isInstaller
    ? await requiredDocument(deps, input.documents, 'install_script')
    : Buffer.from(userDataWithHostKey(await hostKeyOf(deps, input.ref.uuid)));
  return {
    // A script in the ramdisk may be longer than user data.
    ...(isInstaller && transport === 'initrd' ? {} : { user_data: data.toString('base64') }),
    config_drive: drive || (isInstaller && transport === 'config_drive'),
    ...(parameters.availability_zone === undefined ? {} : { availability_zone: parameters.availability_zone }),
  };
}
