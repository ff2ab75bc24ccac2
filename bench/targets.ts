import { KVM_MACHINE } from '../src/domain/boot-machines.js';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { convertImage } from '../src/activities/convert/convert-image.js';
import type { SourceImage } from '../src/activities/images/source-image.js';
import type { DiskFormatName } from '../src/domain/target-formats.js';
import { convertDisk, inspectDisk, type Disk } from '../src/formats/index.js';
import { OUTPUT_FORMATS } from '../src/formats/registry.js';
import { connectClouds } from '../src/openstack/index.js';
import { createDeps } from '../src/worker/deps.js';
import { startCloud } from './cloud-env.js';
import { makeDisk, uploadDisk } from './disk.js';
import { printReport, type Figure } from './report.js';
import { measureTargetWorker } from './target-worker.js';

const run = promisify(execFile);
const GIB = 1024 ** 3;
const DISK = { virtualSize: 2 * GIB, data: 384 * 1024 ** 2 };
const FORMATS: readonly DiskFormatName[] = ['qcow2', 'raw', 'vmdk', 'vhdx'];
const SYSTEM = { os: 'Debian', version: '12', arch: 'x86_64', firmware: 'bios', secureBoot: false } as const;

/** (j) Measures target images against what a person would do by hand, each pair in a row on the same disk. */
export async function measureTargets(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-bench-'));
  try {
    const path = join(folder, 'base.qcow2');
    await makeDisk(path, DISK);
    const disk = await inspectDisk(path, 'qcow2');
    const figures = [
      await measureWhole(folder, path),
      await measureAtOnce(folder, disk),
      await measureVmdk(folder, disk),
      await measureGce(folder, disk),
      ...(await measureTargetWorker(folder)),
    ];
    const measured =
      'A qcow2 of 2 GiB with 384 MiB of data, half of them random. Each figure is the quotient of two times of this ' +
      'run, except the last two. The worker’s disk has 20 GiB.';
    printReport('(j) Target images', measured, figures);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Measures seconds, in a new folder. Removes the folder afterwards, which is not part of the time. */
async function time(folder: string, work: (folder: string) => Promise<unknown>): Promise<number> {
  const own = join(folder, randomUUID());
  await mkdir(own);
  await run('sync', ['-f', own]);
  const began = performance.now();
  await work(own);
  const took = (performance.now() - began) / 1000;
  await rm(own, { recursive: true });
  return took;
}

function ratio(name: string, ours: number, others: number, aim: string): Figure {
  const value = `${(ours / others).toFixed(2)} (${ours.toFixed(1)} s to ${others.toFixed(1)} s)`;
  return { name, value, aim };
}

async function measureWhole(folder: string, path: string): Promise<Figure> {
  const { env, stop } = await startCloud();
  const cloudName = env['OS_CLOUD'] ?? 'envvars';
  const clouds = connectClouds({ env });
  try {
    const source = await uploadDisk(clouds.get(cloudName), path);
    const hand = await time(folder, async (own) => {
      const [base, output] = [join(own, 'base.qcow2'), join(own, 'output.vmdk')];
      await run('openstack', ['image', 'save', '--file', base, source.imageId], { env });
      await run('qemu-img', ['convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', base, output]);
      await run('qemu-img', ['compare', base, output]);
      await run('sha512sum', [output]);
    });
    const ours = await time(folder, async (own) => {
      const deps = createDeps({
        clouds,
        temporal: undefined as unknown as Client,
        storagePath: own,
        cachePath: join(own, 'cache'),
        release: 'bench',
      });
      await new MockActivityEnvironment().run(() =>
        convertImage(deps, { ref: refTo(cloudName), planned: plan(source), parameters: {} }),
      );
    });
    await clouds.get(cloudName).image.deleteImage(source.imageId);
    return ratio('a. Glance to a compared, digested VMDK: ours to the commands by hand', ours, hand, '≤ 0.8');
  } finally {
    await clouds.close();
    await stop();
  }
}

function refTo(cloud: string) {
  return { uuid: randomUUID(), cloud, workflowId: 'bench' };
}

function plan(source: SourceImage) {
  const { os, firmware, secureBoot, ...system } = SYSTEM;
  return {
    ...{ name: 'base', imageName: 'base-vsphere', os: { name: os, ...system }, firmware, secureBoot },
    ...{ target: 'vsphere', format: 'vmdk' as const, source, bodyPath: '', isConverted: false, machine: KVM_MACHINE },
  };
}

async function measureAtOnce(folder: string, disk: Disk): Promise<Figure> {
  const convert = (format: DiskFormatName): Promise<number> =>
    time(folder, (workFolder) =>
      convertDisk(disk, format, { workFolder, imageName: 'base', system: SYSTEM, cpus: 2, memory: 2048 }),
    );
  const alone: number[] = [];
  for (const format of FORMATS) alone.push(await convert(format));
  const together = await time(folder, () => Promise.all(FORMATS.map(convert)));
  return ratio(`b. ${FORMATS.join(', ')} at once to the slowest alone`, together, Math.max(...alone), '≤ 1.3');
}

async function write(format: DiskFormatName, disk: Disk, folder: string): Promise<void> {
  const options = { workFolder: folder, imageName: 'base', system: SYSTEM, cpus: 2, memory: 2048 };
  await OUTPUT_FORMATS[format].write({ source: disk, path: join(folder, 'output'), options });
}

async function measureVmdk(folder: string, disk: Disk): Promise<Figure> {
  const theirs = await time(
    folder,
    (own) =>
    run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'vmdk', '-o', 'subformat=streamOptimized', disk.path, join(own, 'o')]), // prettier-ignore
  );
  const ours = await time(folder, (own) => write('vmdk', disk, own));
  return ratio('c. streamOptimized VMDK: our writer to qemu-img', ours, theirs, '≤ 0.6');
}

async function measureGce(folder: string, disk: Disk): Promise<Figure> {
  const raw = join(folder, 'disk.raw');
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', disk.path, raw]);
  const theirs = await time(folder, (own) =>
    run('sh', ['-c', `tar --format=oldgnu -S -C '${folder}' -cf - disk.raw | gzip -1 > '${join(own, 'o')}'`]),
  );
  await rm(raw);
  const ours = await time(folder, (own) => write('gce', disk, own));
  return ratio('d. GCE’s archive without a raw file to tar -S and gzip -1 of one', ours, theirs, '≤ 1.0');
}
