import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ImageHost, Ticket } from '../../fakes/providers/ovirt/image-host.js';
import { makeCertificate } from '../certificate.js';
import { endProgram, installPython, startOrTellWhy, startProgram } from './program.js';

/** The release of ovirt-imageio. It builds an extension in C. */
const RELEASE = 'ovirt-imageio==2.5.1';
/** imageio logs its port, and later that it takes requests. */
const READY = /remote\.service listening on \('127\.0\.0\.1', (\d+)\).*Ready for requests/s;

const run = promisify(execFile);

/** A host of oVirt: the real imageio and qemu-nbd, and files as disks. What vdsm does, this does. */
export interface ImageioHost extends ImageHost {
  /** PEM file of the authority that has signed imageio's certificate. */
  ca: string;
  tls: { cert: string; key: string };
  /** The file of a disk. */
  pathOf(diskId: string): string;
  /** How much a ticket has transferred: imageio counts each byte of the disk once. */
  readTicket(ticketId: string): Promise<{ transferred?: number; idle_time: number } | undefined>;
  close(): Promise<void>;
}

/**
 * Starts imageio with TLS, and installs it before if it is missing: that needs python3 with its headers, venv, a C
 * compiler, and PyPI. It also needs openssl, qemu-img and qemu-nbd.
 *
 * @returns the host, or the reason why the tests must be skipped
 */
export async function startImageio(): Promise<ImageioHost | string> {
  return startOrTellWhy('ovirt-imageio', async () => start(await installPython('imageio', RELEASE)));
}

async function start(python: string): Promise<ImageioHost> {
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-imageio-'));
  const certificate = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  await makeCertificate(certificate, key);
  await mkdir(join(folder, 'conf.d'));
  const control = join(folder, 'control');
  await writeFile(
    join(folder, 'conf.d/50-test.conf'),
    [
      ...['[daemon]', 'drop_privileges = false', 'systemd_enable = false', `run_dir = ${folder}`],
      ...['[tls]', `key_file = ${key}`, `cert_file = ${certificate}`, `ca_file = ${certificate}`],
      ...['[remote]', 'host = 127.0.0.1', 'port = 0', '[local]', 'enable = false'],
      ...['[control]', 'transport = unix', `socket = ${control}`],
      ...['[handlers]', 'keys = stderr', '[logger_root]', 'level = INFO', 'handlers = stderr', ''],
    ].join('\n'),
  );
  const code = 'from ovirt_imageio._internal import server; server.main()';
  const servers = new Map<string, ChildProcess>();
  const tls = { cert: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
  const { address: port, close: end } = await startProgram(python, ['-c', code, '--conf-dir', folder], READY).catch(
    async (error: unknown) => {
      await rm(folder, { recursive: true, force: true });
      throw error;
    },
  );
  const close = async (): Promise<void> => {
    await Promise.all([end(), ...[...servers.values()].map((server) => endProgram(server))]);
    await rm(folder, { recursive: true, force: true });
  };
  return { ...createHost(folder, control, port, servers), ca: certificate, tls, close };
}

function createHost(
  folder: string,
  control: string,
  port: string,
  servers: Map<string, ChildProcess>,
): Omit<ImageioHost, 'ca' | 'tls' | 'close'> {
  const pathOf = (diskId: string): string => join(folder, `${diskId}.disk`);
  return {
    pathOf,
    async openDisk(ticket) {
      const path = pathOf(ticket.diskId);
      const format = ticket.format === 'cow' ? 'qcow2' : 'raw';
      if (!existsSync(path)) await run('qemu-img', ['create', '-q', '-f', format, path, String(ticket.size)]);
      const socket = join(folder, ticket.id.slice(0, 8));
      servers.set(ticket.id, await startNbd(path, format, socket));
      await callControl(control, 'PUT', ticket.id, ticketDocument(ticket, socket));
      return `https://127.0.0.1:${port}/images/${ticket.id}`;
    },
    async closeDisk(ticketId) {
      await callControl(control, 'DELETE', ticketId);
      const server = servers.get(ticketId);
      servers.delete(ticketId);
      // It writes what it holds to the file, and ends.
      if (server !== undefined) await endProgram(server, 'SIGTERM');
    },
    removeDisk: (diskId) => rm(pathOf(diskId), { force: true }),
    copyDisk: (diskId, copyId) => copyFile(pathOf(diskId), pathOf(copyId)),
    async readTicket(ticketId) {
      const text = await callControl(control, 'GET', ticketId);
      return text === '' ? undefined : (JSON.parse(text) as { transferred?: number; idle_time: number });
    },
  };
}

/** The ticket that ovirt-engine makes in buildImageTicket. */
function ticketDocument({ id, size, sparse }: Ticket, socket: string): unknown {
  const url = `nbd:unix:${socket}`;
  return { uuid: id, size, url, timeout: 3000, inactivity_timeout: 120, ops: ['write'], sparse, transfer_id: id };
}

/** Starts qemu-nbd as vdsm does in storage/nbd.py: for 8 clients, and with holes where zeros are written. */
async function startNbd(path: string, format: string, socket: string): Promise<ChildProcess> {
  const options = ['--persistent', '--shared=8', '--cache=none', '--aio=threads'];
  const zeros = ['--discard=unmap', '--detect-zeroes=unmap'];
  const child = spawn('qemu-nbd', [...options, ...zeros, `--format=${format}`, `--socket=${socket}`, path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error(`qemu-nbd ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return child;
}

async function callControl(socketPath: string, method: string, ticketId: string, document?: unknown): Promise<string> {
  return await new Promise((resolve, reject) => {
    const body = document === undefined ? '' : JSON.stringify(document);
    const headers = { 'content-length': Buffer.byteLength(body) };
    const call = request({ socketPath, path: `/tickets/${ticketId}`, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { statusCode = 0 } = response;
        if (statusCode === 404) resolve('');
        else if (statusCode >= 300) reject(new Error(`imageio refused ${method} of a ticket: ${text}`));
        else resolve(text);
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}
