import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installOnce, startOrTellWhy, startProgram } from './program.js';

const RELEASE = 'azurite@3.35.0';

/** The account and the key that azurite always has; its documentation names them. */
export const AZURITE_ACCOUNT = 'devstoreaccount1';
export const AZURITE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** Azure's blobs as Microsoft's emulator plays them. */
export interface Azurite {
  /** Address of the account: `http://127.0.0.1:port/devstoreaccount1`. */
  url: string;
  close(): Promise<void>;
}

/**
 * Starts azurite, and installs it before if it is missing: that needs npm and its registry.
 *
 * @returns azurite, or the reason why the tests must be skipped
 */
export async function startAzurite(): Promise<Azurite | string> {
  return startOrTellWhy('azurite', async () => {
    const folder = await installOnce('azurite', async (own) => {
      await promisify(execFile)('npm', ['install', '--prefix', own, '--no-fund', '--no-audit', RELEASE]);
    });
    const program = join(folder, 'node_modules/azurite/dist/src/blob/main.js');
    // The newest SDK has a newer version of the interface than azurite knows. Without telemetry, nothing leaves the
    // machine.
    const options = ['--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry', '--silent'];
    const words = [program, ...options, '--blobHost', '127.0.0.1', '--blobPort', '0'];
    const ready = /listens on (http:\/\/127\.0\.0\.1:\d+)/;
    const { address, close } = await startProgram(process.execPath, words, ready, folder);
    return { url: `${address}/${AZURITE_ACCOUNT}`, close };
  });
}
