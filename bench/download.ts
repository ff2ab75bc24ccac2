import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { connectClouds } from '../src/openstack/index.js';
import type { Cloud } from '../src/openstack/types.js';
import { FileStore } from '../src/store/file-store.js';
import { startCloud } from './cloud-env.js';
import { computeMedian, printReport } from './report.js';

const SIZE = 1024 ** 3;
const ROUNDS = 5;
const MIB = 1024 ** 2;
/** UUID under which our store saves the downloaded body. */
const BODY = '00000000-0000-4000-8000-000000000000';

/**
 * (d) Measures three ways to download the same image from Glance: ours, which checks the digest; `curl -o`; and `curl
 * -o` with a check of the digest afterwards.
 */
export async function measureDownload(): Promise<void> {
  const { env, name, stop } = await startCloud();
  const clouds = connectClouds({ env });
  const cloud = clouds.get(env['OS_CLOUD'] ?? 'envvars');
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-bench-'));
  let image = '';
  try {
    image = await uploadImage(cloud);
    const { endpoint, token } = await findGlance(env);
    const url = `${endpoint.replace(/\/v2\/?$/, '')}/v2/images/${image}/file`;
    const fetchIt = (): Promise<void> => downloadByCurl(url, token, join(folder, 'curl'));
    // Warm up: the first download of each kind does not count.
    await fetchIt();
    await downloadByUs(cloud, image, folder);
    const rounds = { curl: [] as number[], ours: [] as number[], checked: [] as number[] };
    const before = process.memoryUsage().rss;
    let peak = before;
    const sampling = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 50);
    for (let round = 0; round < ROUNDS; round++) {
      rounds.curl.push(await measureTime(fetchIt, folder));
      rounds.ours.push(await measureTime(() => downloadByUs(cloud, image, folder), folder));
      rounds.checked.push(await measureTime(() => fetchIt().then(() => checkDigest(join(folder, 'curl'))), folder));
    }
    clearInterval(sampling);
    const rate = (milliseconds: number[]): number => SIZE / MIB / (computeMedian(milliseconds) / 1000);
    const measured =
      `Medians of ${ROUNDS} alternating downloads of 1 GiB from ${name}, on this machine as well. Ours is what the activity ` +
      'downloadBody does: it ends when the file is on the disk.';
    printReport('(d) Glance download with its digest checked', measured, [
      { name: 'curl -o', value: `${rate(rounds.curl).toFixed(0)} MiB/s` },
      { name: 'curl -o, then sha512sum and sync', value: `${rate(rounds.checked).toFixed(0)} MiB/s` },
      { name: 'ours, SHA-512 and sync included', value: `${rate(rounds.ours).toFixed(0)} MiB/s` },
      { name: 'ours to curl -o', value: (rate(rounds.ours) / rate(rounds.curl)).toFixed(2), aim: '≥ 0.9' },
      { name: 'ours to curl, sha512sum and sync', value: (rate(rounds.ours) / rate(rounds.checked)).toFixed(2) },
      { name: 'most memory gained over five GiB', value: `${Math.round((peak - before) / MIB)} MiB`, aim: 'flat' },
    ]);
  } finally {
    if (image !== '') await cloud.image.deleteImage(image);
    await rm(folder, { recursive: true, force: true });
    await clouds.close();
    await stop();
  }
}

/**
 * Measures how many milliseconds a download takes. First deletes the files of the previous download, which is not part
 * of the time.
 */
async function measureTime(run: () => Promise<void>, folder: string): Promise<number> {
  for (const left of ['curl', `${BODY}.body`]) await rm(join(folder, left), { force: true });
  await promisify(execFile)('sync', ['-f', folder]);
  const began = performance.now();
  await run();
  return performance.now() - began;
}

async function uploadImage(cloud: Cloud): Promise<string> {
  const name = `imagefactory-bench-${randomUUID()}`;
  const { id } = await cloud.image.createImage({ name, disk_format: 'raw', container_format: 'bare' });
  const block = Buffer.alloc(4 * MIB, 'imagefactory');
  await cloud.image.uploadImage(id, Readable.from(repeat(block, SIZE / block.length)), { size: SIZE });
  return id;
}

function* repeat(block: Buffer, times: number): Generator<Buffer> {
  for (let count = 0; count < times; count++) yield block;
}

/** Downloads the image in the same way as the activity downloadBody. */
async function downloadByUs(cloud: Cloud, image: string, folder: string): Promise<void> {
  const { data } = await cloud.image.downloadImage(image);
  await new FileStore(folder).writeBody(BODY, data);
}

/** Finds the endpoint of Glance, and gets a token, with the `openstack` command. */
async function findGlance(env: NodeJS.ProcessEnv): Promise<{ endpoint: string; token: string }> {
  const said = async (args: string[]): Promise<string> =>
    (await promisify(execFile)('openstack', args, { env })).stdout.trim();
  const catalogue = await said(['catalog', 'show', 'image', '-f', 'json']);
  const endpoint = /"interface": "public",[^}]*"url": "([^"]+)"/.exec(catalogue)?.[1];
  if (endpoint === undefined) throw new Error(`the catalogue has no public image endpoint: ${catalogue}`);
  return { endpoint, token: await said(['token', 'issue', '-f', 'value', '-c', 'id']) };
}

async function downloadByCurl(url: string, token: string, file: string): Promise<void> {
  // Passes the token on standard input, because every user can read command lines in the process list.
  const child = spawn('curl', ['-sf', '--noproxy', '*', '-o', file, '-H', '@-', url], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  child.stdin?.end(`X-Auth-Token: ${token}\n`);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0 || (await stat(file)).size !== SIZE)
    throw new Error(`curl did not download ${SIZE} bytes (exit code ${code})`);
}

async function checkDigest(file: string): Promise<void> {
  await promisify(execFile)('sha512sum', [file]);
  await promisify(execFile)('sync', [file]);
}
