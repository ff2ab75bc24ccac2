import type { CreateServer } from '../../openstack/types.js';
import { buildHostKeyUserData } from '../../guest/cloud-config.js';
import type { Deps } from '../shared/context.js';
import { loadInstallerPlan, loadParameters, loadDocument } from '../shared/documents.js';
import { loadHostKey } from './ssh-keys.js';
import type { CreateServerInput } from '../shared/types.js';

/**
 * What an instance is given at its start besides image and flavor: the installer its install script, the customisation
 * instance an SSH host key, so that we know whom we talk to from the first connection on.
 */
export async function bootUserData(
  deps: Deps,
  input: CreateServerInput,
): Promise<Pick<CreateServer, 'user_data' | 'availability_zone' | 'config_drive'>> {
  const parameters = await loadParameters(deps, input.documentsId);
  const isInstaller = input.role === 'installer';
  const { config_drive: drive } = parameters;
  const transport = isInstaller ? (await loadInstallerPlan(deps, input.documentsId)).scriptTransport : 'user_data';
  const data = isInstaller
    ? await loadDocument(deps, input.documentsId, 'install_script')
    : Buffer.from(buildHostKeyUserData(await loadHostKey(deps, input.ref.uuid)));
  return {
    // A script in the ramdisk or on the medium may be longer than user data.
    ...(transport === 'initrd' || transport === 'medium' ? {} : { user_data: data.toString('base64') }),
    config_drive: drive || transport === 'config_drive',
    ...(parameters.availability_zone === undefined ? {} : { availability_zone: parameters.availability_zone }),
  };
}
