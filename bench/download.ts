import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { randomUUID } from 'node:crypto';
import { connectClouds } from '../src/openstack/index.js';
import type { Cloud } from '../src/openstack/types.js';
import { FileStore } from '../src/store/file-store.js';
import { median, report } from './report.js';

const SIZE = 1024 ** 3;
const ROUNDS = 5;
const MIB = 1024 ** 2;

/** (d) Glance download with its digest checked, against `curl -o` of the same image from the same Glance. */
export async function download(): Promise<void> {
  const clouds = connectClouds();
  const cloud = clouds.get(process.env['OS_CLOUD'] ?? 'envvars');
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-bench-'));
  let image = '';
  try {
    image = await uploaded(cloud);
    const { endpoint, token } = await glance();
    const url = `${endpoint.replace(/\/v2\/?$/, '')}/v2/images/${image}/file`;
    const ours: number[] = [];
    const curls: number[] = [];
    const before = process.memoryUsage().rss;
    let peak = before;
    const sampling = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 50);
    for (let round = 0; round < ROUNDS; round++) {
      curls.push(await timed(() => curl(url, token, join(folder, 'curl'))));
      ours.push(await timed(() => fetched(cloud, image, folder)));
    }
    clearInterval(sampling);
    const rate = (milliseconds: number[]): number => SIZE / MIB / (median(milliseconds) / 1000);
    report('(d) Glance download, digest checked, against curl', [
      { what: 'curl -o', value: `${rate(curls).toFixed(0)} MiB/s` },
      { what: 'ours, with SHA-512', value: `${rate(ours).toFixed(0)} MiB/s` },
      { what: 'ratio of the rates', value: (rate(ours) / rate(curls)).toFixed(2), aim: '≥ 0.9' },
      { what: 'memory gained', value: `${Math.round((peak - before) / MIB)} MiB of ${SIZE / MIB}`, aim: 'flat' },
    ]);
  } finally {
    if (image !== '') await cloud.image.deleteImage(image);
    await rm(folder, { recursive: true, force: true });
    await clouds.close();
  }
}

async function timed(run: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

async function uploaded(cloud: Cloud): Promise<string> {
  const name = `imagefactory-bench-${randomUUID()}`;
  const { id } = await cloud.image.createImage({ name, disk_format: 'raw', container_format: 'bare' });
  const block = Buffer.alloc(4 * MIB, 'imagefactory');
  await cloud.image.uploadImage(id, Readable.from(repeat(block, SIZE / block.length)), { size: SIZE });
  return id;
}

function* repeat(block: Buffer, times: number): Generator<Buffer> {
  for (let count = 0; count < times; count++) yield block;
}

/** As the activity downloadBody does it. */
async function fetched(cloud: Cloud, image: string, folder: string): Promise<void> {
  const store = new FileStore(folder);
  const uuid = randomUUID();
  const { data } = await cloud.image.downloadImage(image);
  await store.writeBody(uuid, data);
  await rm(store.bodyPath(uuid));
}

/** Where Glance is, and a token for it, as the `openstack` command tells them. */
async function glance(): Promise<{ endpoint: string; token: string }> {
  const said = async (args: string[]): Promise<string> => (await promisify(execFile)('openstack', args)).stdout.trim();
  const catalogue = await said(['catalog', 'show', 'image', '-f', 'json']);
  const endpoint = /"interface": "public",[^}]*"url": "([^"]+)"/.exec(catalogue)?.[1];
  if (endpoint === undefined) throw new Error(`the catalogue has no public image endpoint: ${catalogue}`);
  return { endpoint, token: await said(['token', 'issue', '-f', 'value', '-c', 'id']) };
}

async function curl(url: string, token: string, file: string): Promise<void> {
  // The token by standard input: whoever lists the processes sees none.
  const child = spawn('curl', ['-sf', '-o', file, '-H', '@-', url], { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin?.end(`X-Auth-Token: ${token}\n`);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0 || (await stat(file)).size !== SIZE) throw new Error(`curl ended with ${code}`);
  await rm(file);
}
