import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DiskFormatName } from '../src/domain/target-formats.js';
import { convertDisk, type Disk, inspectDisk } from '../src/formats/index.js';

/*
 * Lets other programs read what the conversions write: the readers that a user has, and none of ours. They are too
 * large for the machines of the tests. ORACLE_DISK=FILE takes a qcow2 of your own instead of a small disk with a GPT.
 */

const GIB = 1024 ** 3;
/** An odd size, so that every format must pad the disk, and move the backup of its GPT. */
const SIZE = GIB + 512 * 3;
/** A program, and the Debian package that has it. */
const PACKAGES: Readonly<Record<string, string>> = {
  'virt-v2v': 'virt-v2v',
  vagrant: 'vagrant',
  sgdisk: 'gdisk',
  sfdisk: 'fdisk',
  tar: 'tar',
  'qemu-img': 'qemu-utils',
};

/** What another program must say about a converted file. */
interface Oracle {
  name: string;
  format: DiskFormatName;
  /** Reads the file. Returns the program's output. */
  read: (path: string, folder: string) => Promise<string>;
  /** What its output must have. */
  expect: RegExp;
}

/** A new format gets its reader here: an image of containers, for example, `skopeo inspect`. */
const ORACLES: readonly Oracle[] = [
  {
    name: 'virt-v2v reads the machine of an OVA',
    format: 'ova',
    read: (path) => run('virt-v2v', ['-i', 'ova', path, '-o', 'null', '--print-source']),
    expect: /memory: 2147483648 [^]*nr vCPUs: 2[^]*0 \[scsi\][^]*\[vmxnet3\]/,
  },
  {
    name: 'tar lists an OVA, its descriptor first',
    format: 'ova',
    read: (path) => run('tar', ['tvf', path]),
    expect: /^-rw-r--r-- \S+ +\d+ [^\n]*\.ovf\n[^\n]*\.mf\n[^\n]*\.vmdk\n$/,
  },
  {
    name: 'vagrant adds a box for libvirt',
    format: 'vagrant-libvirt',
    read: addBox,
    expect: /oracle\s+\(libvirt, 0/,
  },
  {
    name: 'vagrant adds a box for VirtualBox',
    format: 'vagrant-virtualbox',
    read: addBox,
    expect: /oracle\s+\(virtualbox, 0/,
  },
  {
    name: 'tar lists the archive for Google',
    format: 'gce',
    read: (path) => run('tar', ['tvf', path]),
    expect: /^-rw-r--r-- \S+ +\d+ [^\n]* disk\.raw\n$/,
  },
  ...(['vhd', 'vhd-dynamic'] as const).map((format) => ({
    name: `qemu-img reads the footer of a ${format}`,
    format,
    read: (path: string) => run('qemu-img', ['info', '-f', 'vpc', path]),
    expect: /virtual size: [^\n]*\((\d+) bytes\)/,
  })),
  {
    name: 'sgdisk finds no problem in the GPT of a padded disk',
    format: 'raw',
    read: (path) => run('sgdisk', ['-v', path]),
    expect: /No problems found/,
  },
  {
    name: 'sgdisk finds no problem in the GPT of a VHD’s disk',
    format: 'vhd',
    read: async (path, folder) => {
      const raw = join(folder, 'vhd.raw');
      await run('qemu-img', ['convert', '-f', 'vpc', '-O', 'raw', path, raw]);
      return run('sgdisk', ['-v', raw]);
    },
    expect: /No problems found/,
  },
];

/** Runs a program in a home of its own. Returns what it says. */
async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(program, args, {
    env: { ...process.env, LC_ALL: 'C.UTF-8', LIBGUESTFS_BACKEND: 'direct', ...env },
    maxBuffer: 16 * 1024 ** 2,
  });
  return stdout === '' ? stderr : stdout;
}

async function addBox(path: string, folder: string): Promise<string> {
  const home = { VAGRANT_HOME: join(folder, 'vagrant'), VAGRANT_CHECKPOINT_DISABLE: '1' };
  await run('vagrant', ['box', 'add', '--force', '--name', 'oracle', path], home);
  return run('vagrant', ['box', 'list'], home);
}

/** Returns the packages of the programs that this machine lacks. */
async function findMissing(): Promise<string[]> {
  const missing = await Promise.all(
    Object.entries(PACKAGES).map(
      ([program, name]) =>
      promisify(execFile)('which', [program]).then(() => undefined, () => name), // prettier-ignore
    ),
  );
  return missing.filter((name) => name !== undefined);
}

/** Makes a disk with a GPT and two partitions, the first with a file system; or takes the user's own. */
async function makeSource(folder: string): Promise<Disk> {
  const { ORACLE_DISK: own } = process.env;
  if (own !== undefined) return inspectDisk(own, 'qcow2');
  const path = join(folder, 'source.raw');
  await run('truncate', ['-s', String(SIZE), path]);
  await run('sh', ['-c', `printf 'label: gpt\\n,200M\\n,\\n' | sfdisk -q '${path}'`]);
  await run('mkfs.ext4', ['-q', '-F', '-E', 'offset=1048576', path, '200M']);
  return { path, format: 'raw', virtualSize: SIZE };
}

async function convert(source: Disk, format: DiskFormatName, folder: string): Promise<string> {
  const workFolder = join(folder, format);
  await mkdir(workFolder);
  const { path } = await convertDisk(source, format, {
    workFolder,
    imageName: 'oracle',
    system: { os: 'Debian', version: '12', arch: 'x86_64', firmware: 'bios', secureBoot: false },
    cpus: 2,
    memory: 2048,
  });
  return path;
}

/** Asks every oracle. Returns how many disagree. */
async function askAll(folder: string): Promise<number> {
  const source = await makeSource(folder);
  const files = new Map<DiskFormatName, string>();
  let failed = 0;
  for (const { name, format, read, expect } of ORACLES) {
    const path = files.get(format) ?? (await convert(source, format, folder));
    files.set(format, path);
    const said = await read(path, folder).catch((error: unknown) => String(error));
    const isRight = expect.test(said);
    if (!isRight) failed++;
    process.stdout.write(
      `${isRight ? 'passed' : 'FAILED'}  ${name}\n${isRight ? '' : said.replace(/^/gm, '        ')}`,
    );
  }
  process.stdout.write(`${ORACLES.length - failed} passed, ${failed} failed\n`);
  return failed;
}

const missing = await findMissing();
if (missing.length > 0) {
  process.stderr.write(`programs are missing: apt-get install --no-install-recommends ${missing.join(' ')}\n`);
  process.exitCode = 1;
} else {
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-oracles-'));
  try {
    process.exitCode = (await askAll(folder)) === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
