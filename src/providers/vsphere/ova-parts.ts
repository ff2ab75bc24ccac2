import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { XMLParser } from 'fast-xml-parser';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { padding, readTarHeader, TAR_BLOCK } from '../../formats/archive/tar.js';
import { MIB } from '../../formats/bytes/sizes.js';
import { digestText } from '../../formats/disk/digest.js';
import type { UploadPace } from '../transfer/upload-pace.js';

/* The files in an OVA, which are sent from where they are in it. */

/** A file in an OVA. */
export interface OvaPart {
  name: string;
  /** Offset of its first byte in the OVA. */
  offset: number;
  /** bytes */
  size: number;
  sha256: string;
}

export interface Ova {
  /** The descriptor, the manifest and the disks, in the order of the archive. */
  parts: readonly OvaPart[];
  disks: readonly OvaPart[];
  /** The text of the descriptor. */
  descriptor: string;
  /** The names of the networks in the descriptor. */
  networks: readonly string[];
}

/** Bytes of the largest descriptor or manifest that is read into memory. */
const LARGEST_TEXT = 4 * MIB;
const MANIFEST_LINE = /^SHA256\((.+)\)= ([0-9a-f]{64})$/;

const descriptorSchema = z.object({
  Envelope: z.object({
    NetworkSection: z.object({ Network: z.array(z.object({ '@name': z.string() })) }).optional(),
  }),
});

/**
 * Reads which files an OVA has, where they are in it, and their digests as its manifest has them.
 *
 * @throws FactoryError ImageFailed when it is no OVA with a manifest
 */
export async function readOva(path: string): Promise<Ova> {
  const file = await open(path, 'r');
  try {
    const members = await listMembers(file, (await file.stat()).size);
    const [first] = members;
    const manifest = members.find(({ name }) => name.endsWith('.mf'));
    if (first === undefined || !first.name.endsWith('.ovf')) throw notAnOva('its first file is no descriptor (.ovf)');
    if (manifest === undefined) throw notAnOva('it has no manifest (.mf)');
    const descriptor = await readText(file, first);
    const manifestText = await readText(file, manifest);
    const digests = new Map([[manifest.name, digestText(manifestText)], ...readManifest(manifestText)]);
    const parts = members.map((member) => {
      const sha256 = digests.get(member.name);
      if (sha256 === undefined) throw notAnOva(`its manifest has no SHA-256 of ${member.name}`);
      return { ...member, sha256 };
    });
    if (digestText(descriptor) !== parts[0]?.sha256) throw notAnOva('the digest of its descriptor is wrong');
    const disks = parts.filter(({ name }) => name.endsWith('.vmdk'));
    if (disks.length === 0) throw notAnOva('it has no disk (.vmdk)');
    return { parts, disks, descriptor, networks: readNetworks(descriptor) };
  } finally {
    await file.close();
  }
}

function notAnOva(reason: string): FactoryError {
  return new FactoryError('ImageFailed', `the file is no OVA that can be pushed: ${reason}`, {
    hint: 'push the image of the target `ova`',
  });
}

async function listMembers(file: FileHandle, length: number): Promise<Omit<OvaPart, 'sha256'>[]> {
  const members: Omit<OvaPart, 'sha256'>[] = [];
  for (let at = 0; ;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(TAR_BLOCK), 0, TAR_BLOCK, at);
    const header = readTarHeader(buffer.subarray(0, bytesRead));
    if (header === undefined) return members;
    const { name, size } = header;
    const offset = at + TAR_BLOCK;
    if (!Number.isSafeInteger(size) || offset + size > length) throw notAnOva(`it ends inside of ${name}`);
    if (!/^[^/\\]+$/.test(name)) throw notAnOva(`a file in it has the name ${JSON.stringify(name)}`);
    members.push({ name, offset, size });
    at = offset + size + padding(size);
  }
}

async function readText(file: FileHandle, { name, offset, size }: Omit<OvaPart, 'sha256'>): Promise<string> {
  if (size > LARGEST_TEXT) throw notAnOva(`${name} has ${size} bytes`);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(size), 0, size, offset);
  return buffer.toString('utf8', 0, bytesRead);
}

function readManifest(text: string): [string, string][] {
  return text.split(/\r?\n/).flatMap((line): [string, string][] => {
    const [, name, sha256] = MANIFEST_LINE.exec(line) ?? [];
    return name === undefined || sha256 === undefined ? [] : [[name, sha256]];
  });
}

function readNetworks(descriptor: string): string[] {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    removeNSPrefix: true,
    isArray: (name) => name === 'Network',
  });
  const parsed = descriptorSchema.safeParse(parser.parse(descriptor));
  if (!parsed.success) throw notAnOva('its descriptor cannot be read');
  return parsed.data.Envelope.NetworkSection?.Network.map((network) => network['@name']) ?? [];
}

/**
 * Opens a file in an OVA as a stream, which is held to the rate of the upload.
 *
 * @param count gets the bytes of each chunk that was taken
 */
export function openPart(path: string, part: OvaPart, pace: UploadPace, count: (bytes: number) => void): Readable {
  return Readable.from(readPart(path, part, pace, count), { objectMode: false });
}

async function* readPart(
  path: string,
  { offset, size }: OvaPart,
  pace: UploadPace,
  count: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (let at = 0; at < size;) {
      const length = Math.min(MIB, size - at);
      await pace.acquire(length);
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, offset + at);
      if (bytesRead === 0) throw new FactoryError('ImageFailed', `the file ${path} became shorter during the upload`);
      yield buffer.subarray(0, bytesRead);
      pace.sent(bytesRead);
      count(bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
