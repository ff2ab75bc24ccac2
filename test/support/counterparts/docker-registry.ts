import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeCertificate } from '../certificate.js';
import { missingProgram } from '../programs.js';
import { installOnce, type RunningProgram, startProgram } from './program.js';

const run = promisify(execFile);

const PROGRAM = 'docker-registry';

/** The only user of the registry. */
export const REGISTRY_USER = { user: 'tester', password: 'a password of the tests' };
/** bcrypt of the password, made once by `crypt(3)`: the registry takes no other kind. */
const PASSWORD_HASH = '$2y$05$abcdefghijklmnopqrstuuComanBKiU1JTRzmmvE2xk8ApqQhbSI.';

/**
 * Finds Debian’s registry, or unpacks its package into `.cache/counterparts`. Installed, it would run as a service.
 *
 * @returns its path, or the reason why there is none
 */
async function findProgram(): Promise<{ path: string } | { missing: string }> {
  const withoutOpenssl = missingProgram('openssl');
  if (withoutOpenssl !== false) return { missing: withoutOpenssl };
  if (missingProgram(PROGRAM) === false) return { path: PROGRAM };
  try {
    const folder = await installOnce(PROGRAM, async (own) => {
      await run('apt-get', ['download', '--quiet', PROGRAM], { cwd: own });
      await run('sh', ['-c', 'dpkg-deb --extract *.deb . && rm *.deb'], { cwd: own });
    });
    return { path: join(folder, 'usr/bin', PROGRAM) };
  } catch (error) {
    return { missing: `Debian’s ${PROGRAM} cannot be had: ${String(error).split('\n')[0]}` };
  }
}

const found = await findProgram();

/** The reason to skip the tests on a real registry; false where it can run. */
export const missingRegistry = 'missing' in found && found.missing;

/** A real registry (distribution 2.8) with TLS and a password, on this machine. */
export class DockerRegistry {
  private constructor(
    private readonly folder: string,
    private readonly program: RunningProgram,
  ) {}

  /** @param deletion whether the registry allows to delete; Debian's configuration does */
  static async start(options: { deletion?: boolean } = {}): Promise<DockerRegistry> {
    if ('missing' in found) throw new Error(found.missing);
    const folder = await mkdtemp(join(tmpdir(), 'imagefactory-registry-'));
    await makeCertificate(join(folder, 'ca.crt'), join(folder, 'key.pem'));
    await writeFile(join(folder, 'htpasswd'), `${REGISTRY_USER.user}:${PASSWORD_HASH}\n`);
    const configuration = {
      version: '0.1',
      log: { level: 'info' },
      storage: {
        filesystem: { rootdirectory: join(folder, 'data') },
        cache: { blobdescriptor: 'inmemory' },
        delete: { enabled: options.deletion ?? true },
      },
      http: { addr: '127.0.0.1:0', tls: { certificate: join(folder, 'ca.crt'), key: join(folder, 'key.pem') } },
      auth: { htpasswd: { realm: 'the registry of the tests', path: join(folder, 'htpasswd') } },
    };
    // JSON is YAML.
    await writeFile(join(folder, 'config.yml'), JSON.stringify(configuration));
    const words = ['serve', join(folder, 'config.yml')];
    return new DockerRegistry(folder, await startProgram(found.path, words, /listening on (127\.0\.0\.1:\d+)/));
  }

  /** `127.0.0.1:port` */
  get host(): string {
    return this.program.address;
  }

  /** The file of the certificate, which signs itself. Its folder is what skopeo calls `--cert-dir`. */
  get ca(): string {
    return join(this.folder, 'ca.crt');
  }

  get certificates(): string {
    return this.folder;
  }

  /** The folder of the registry's data. */
  get data(): string {
    return join(this.folder, 'data');
  }

  async close(): Promise<void> {
    await this.program.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
