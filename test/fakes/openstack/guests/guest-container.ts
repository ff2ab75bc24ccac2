import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { spawnOutside, type SpawnedProgram } from './spawner.js';

const INIT = fileURLToPath(new URL('init.sh', import.meta.url));

/** The capabilities that root loses in a guest: those that reach beyond the guest's own files and processes. */
const DROPPED_CAPABILITIES = ['sys_admin', 'mknod', 'sys_rawio', 'sys_module', 'sys_boot', 'sys_time', 'sys_ptrace', 'sys_chroot', 'net_admin', 'net_raw', 'syslog', 'linux_immutable', 'sys_nice', 'sys_resource', 'dac_read_search']; // prettier-ignore

/** Exit status of the guest's first process (`init.sh`) after a power-off and after a reboot from inside the guest. */
const POWERED_OFF = 101;
const REBOOTED = 102;

export interface GuestUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
}

/** The processes of a running guest. They have their own mount, PID, network, IPC and UTS namespaces. */
export class GuestContainer {
  private init: ChildProcess | undefined;
  private initPid: number | undefined;
  private starting: Promise<void> | undefined;

  constructor(
    private readonly disk: string,
    private readonly tools: string,
    private readonly hostname: string,
    private readonly ignoresShutdown: boolean,
    /** Called when all processes have ended, because the guest switches itself off (`off`) or reboots (`reboot`). */
    private readonly onEnd: (how: 'off' | 'reboot') => void,
  ) {}

  /** Starts the container if it was not started before. @throws Error with the system's message */
  start(): Promise<void> {
    this.starting ??= this.startInit();
    return this.starting;
  }

  private async startInit(): Promise<void> {
    const words = [
      '--mount',
      '--pid',
      '--net',
      '--ipc',
      '--uts',
      '--fork',
      '--kill-child',
      'sh',
      INIT,
      this.disk,
      this.tools,
      this.hostname,
    ];
    const child = spawn('unshare', [...words, this.ignoresShutdown ? 'ignore' : 'obey'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.init = child;
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.once('exit', (code) => {
      this.init = undefined;
      if (code === POWERED_OFF) this.onEnd('off');
      if (code === REBOOTED) this.onEnd('reboot');
    });
    const up = new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`the guest did not start: ${errors.trim()}`)));
    });
    await up;
    this.initPid = Number(
      (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim().split(' ')[0],
    );
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
    child.unref();
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
  }

  /** Runs a shell command as a user, in that user's home. */
  async run(command: string, user: GuestUser, environment: Record<string, string> = {}): Promise<SpawnedProgram> {
    await this.start();
    if (this.initPid === undefined) throw new Error('the guest is off');
    const path =
      user.uid === 0
        ? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
        : '/usr/local/bin:/usr/bin:/bin:/usr/games';
    const env = {
      PATH: path,
      HOME: user.home,
      USER: user.name,
      LOGNAME: user.name,
      SHELL: user.shell,
      LANG: 'C.UTF-8',
      ...environment,
    };
    const enter = ['-t', String(this.initPid), '-m', '-p', '-n', '-i', '-u', '-r', '--'];
    const drop = DROPPED_CAPABILITIES.map((name) => `-${name}`).join(',');
    const privileges = [
      `--bounding-set=${drop}`,
      `--inh-caps=${drop}`,
      `--reuid=${user.uid}`,
      `--regid=${user.gid}`,
      user.uid === 0 ? '--clear-groups' : '--init-groups',
    ];
    const shell = ['/bin/sh', '-c', 'cd "$HOME" 2>/dev/null || cd /; exec "$SHELL" -c "$1"', 'sh', command];
    return spawnOutside('nsenter', [...enter, 'setpriv', ...privileges, ...shell], env);
  }

  /** Kills every process of the guest, as the reset of a machine does, and then calls `onEnd` with `reboot`. */
  async reset(): Promise<void> {
    await this.kill();
    this.onEnd('reboot');
  }

  /** Kills every process of the guest. */
  async kill(): Promise<void> {
    const child = this.init;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.ref();
    // When the first process of a PID namespace ends, the kernel kills all others.
    if (this.initPid !== undefined) process.kill(this.initPid, 'SIGKILL');
    else child.kill('SIGKILL');
    await gone;
  }
}
