import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { makeCertificate } from '../certificate.js';
import { missingProgram } from '../programs.js';

const run = promisify(execFile);

const PROGRAM = 'docker-registry';
const FOLDER = resolve('.cache/counterparts/docker-registry');

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
  const path = join(FOLDER, 'usr/bin', PROGRAM);
  if (existsSync(path)) return { path };
  await mkdir(join(FOLDER, '..'), { recursive: true });
  const work = await mkdtemp(`${FOLDER}.`);
  try {
    await run('apt-get', ['download', '--quiet', PROGRAM], { cwd: work });
    const { stdout } = await run('sh', ['-c', 'ls *.deb'], { cwd: work });
    await run('dpkg-deb', ['--extract', stdout.trim(), join(work, 'root')], { cwd: work });
    // Another run may have been faster: then its folder stays.
    await rename(join(work, 'root'), FOLDER).catch((error: unknown) => {
      if (!existsSync(path)) throw error;
    });
    return { path };
  } catch (error) {
    return { missing: `Debian’s ${PROGRAM} cannot be had: ${String(error).split('\n')[0]}` };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const found = await findProgram();

/** The reason to skip the tests on a real registry; false where it can run. */
export const missingRegistry = 'missing' in found && found.missing;

/** A real registry (distribution 2.8) with TLS and a password, on this machine. */
export class DockerRegistry {
  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess,
    /** `127.0.0.1:port` */
    readonly host: string,
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
    const child = spawn(found.path, ['serve', join(folder, 'config.yml')], { stdio: ['ignore', 'ignore', 'pipe'] });
    return new DockerRegistry(folder, child, await readAddress(child));
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
    if (this.child.exitCode === null) {
      const ended = new Promise((done) => this.child.once('exit', done));
      this.child.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Reads the address from the log: the port is the system's choice. */
function readAddress(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    const said: string[] = [];
    const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      said.push(line);
      const [, address] = /listening on (127\.0\.0\.1:\d+)/.exec(line) ?? [];
      if (address !== undefined) done(address);
    });
    child.once('error', fail);
    child.once('exit', () => fail(new Error(`the registry has ended: ${said.slice(-5).join('\n')}`)));
  });
}
