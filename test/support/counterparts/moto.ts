import { installPython, startOrTellWhy, startProgram } from './program.js';

/** The release of moto, with the services that our contract tests call. */
const RELEASE = 'moto[server,ec2,s3]==5.2.5';

/** Amazon's services as moto plays them. */
export interface Moto {
  /** Address of every service: `http://127.0.0.1:port`. */
  url: string;
  close(): Promise<void>;
}

/**
 * Starts moto, and installs it before if it is missing: that needs python3, its module venv, and PyPI.
 *
 * @returns moto, or the reason why the tests must be skipped
 */
export async function startMoto(): Promise<Moto | string> {
  return startOrTellWhy('moto', async () => {
    const python = await installPython('moto', RELEASE);
    const words = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', '0'];
    const { address, close } = await startProgram(python, words, /Running on (http:\/\/127\.0\.0\.1:\d+)/);
    return { url: address, close };
  });
}
