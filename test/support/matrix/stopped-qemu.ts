import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../until.js';

/** A call of qemu-img that is held. */
export interface HeldCall {
  pid: number;
  /** Last argument of the call: the output file, where there is one. */
  file: string;
  /** Lets the call go on. */
  release(): Promise<void>;
}

/** A `qemu-img` in front of the real one, which a test can hold or kill at a subcommand. */
export class StoppedQemu {
  private constructor(private readonly folder: string) {}

  static async create(): Promise<StoppedQemu> {
    const folder = await mkdtemp(join(tmpdir(), 'imagefactory-qemu-'));
    const real = execFileSync('sh', ['-c', 'command -v qemu-img'], { encoding: 'utf8' }).trim();
    const program = join(folder, 'bin', 'qemu-img');
    await mkdir(join(folder, 'bin'));
    await writeFile(
      program,
      `#!/bin/sh
for file; do :; done
fault='${folder}'/"$1"
mv "$fault" "$fault.taken" 2>/dev/null && . "$fault.taken"
exec '${real}' "$@"
`,
    );
    await chmod(program, 0o755);
    return new StoppedQemu(folder);
  }

  /** Value of PATH for the worker. */
  get path(): string {
    return `${join(this.folder, 'bin')}:${process.env['PATH'] ?? ''}`;
  }

  /** Kills the next call of a subcommand. */
  async killNext(subcommand: string): Promise<void> {
    await writeFile(join(this.folder, subcommand), 'kill -9 $$\n');
  }

  /** Holds the next call of a subcommand. Returns a function that waits for it. */
  async holdNext(subcommand: string): Promise<() => Promise<HeldCall>> {
    const [held, go] = ['held', 'go'].map((name) => join(this.folder, name)) as [string, string];
    await Promise.all([held, go].map((path) => rm(path, { force: true })));
    await writeFile(
      join(this.folder, subcommand),
      `printf '%s\\n%s' $$ "$file" > '${held}.part'; mv '${held}.part' '${held}'; while [ ! -e '${go}' ]; do sleep 0.05; done\n`,
    );
    return async () => {
      await until(() => existsSync(held), `qemu-img ${subcommand} is called`);
      const [pid = '', file = ''] = (await readFile(held, 'utf8')).split('\n');
      return { pid: Number(pid), file, release: () => writeFile(go, '') };
    };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
