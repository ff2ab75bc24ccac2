import type { CreateServer } from '../../openstack/types.js';
import { buildHostKeyUserData } from '../../guest/cloud-config.js';
import type { Deps } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import { loadHostKey } from './ssh-keys.js';
import type { ServerRole } from '../../domain/names.js';

/**
 * Builds the user data and other boot options of an instance. The installer gets its install script. The customised
 * instance gets an SSH host key, so that the build can verify the instance from the first connection on.
 */
export async function buildBootUserData(
  deps: Deps,
  input: { role: ServerRole; documentsId: string },
): Promise<Pick<CreateServer, 'user_data' | 'availability_zone' | 'config_drive'>> {
  const build = loadBuild(deps, input.documentsId);
  const parameters = await build.parameters();
  const isInstaller = input.role === 'installer';
  const { config_drive: drive } = parameters;
  const transport = isInstaller ? (await build.installerPlan()).scriptTransport : 'user_data';
  const data = isInstaller
    ? await build.installScript()
    : Buffer.from(buildHostKeyUserData(await loadHostKey(deps, build)));
  return {
    // A script in the ramdisk or on a medium is not sent as user data: it may be longer than user data can be.
    ...(transport === 'initrd' || transport === 'medium' ? {} : { user_data: data.toString('base64') }),
    config_drive: drive || transport === 'config_drive',
    ...(parameters.availability_zone === undefined ? {} : { availability_zone: parameters.availability_zone }),
  };
}
