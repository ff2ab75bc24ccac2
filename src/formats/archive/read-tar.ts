import type { ByteReader } from '../bytes/content.js';
import { MIB } from '../bytes/sizes.js';
import { padding, TAR_BLOCK } from './tar.js';

/* A strict reader of tar archives: ustar, the formats of GNU tar, and pax. It refuses what readers disagree about. */

export interface TarEntry {
  /** As the archive has it: `./etc/hosts`, `./etc/`. */
  name: string;
  type: 'file' | 'hard link' | 'symbolic link' | 'character device' | 'block device' | 'folder' | 'pipe';
  /** Bytes of content. 0 for all but files. */
  size: number;
  /** What a link names. Empty for all others. */
  link: string;
}

/** An entry, and its content, which is skipped where it is not read. */
export interface OpenTarEntry extends TarEntry {
  read(): AsyncIterable<Buffer>;
}

/** The error of a stream that is no complete tar, or has what this reader refuses. */
export class TarError extends Error {
  override name = 'TarError';
}

const TYPES: Readonly<Record<string, TarEntry['type']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hard link',
  '2': 'symbolic link',
  '3': 'character device',
  '4': 'block device',
  '5': 'folder',
  '6': 'pipe',
};
/** Entries that describe the next one: GNU's long names, and the records of pax. */
const LONG_NAME = 'L';
const LONG_LINK = 'K';
const PAX = 'x';
const PAX_GLOBAL = 'g';
/** Bytes of such an entry. Linux has names of at most 4096 bytes; pax also has extended attributes. */
const LARGEST_DESCRIPTION = MIB;
const ZERO_BLOCK = Buffer.alloc(TAR_BLOCK);

/** What descriptions have said about the next entry. */
interface Described {
  name?: string;
  link?: string;
  size?: number;
}

/**
 * Reads the entries of a tar, up to the end of the stream.
 *
 * @throws TarError with the reason, at the first thing that is wrong
 */
export async function* readTar(stream: ByteReader): AsyncGenerator<OpenTarEntry> {
  let described: Described = {};
  for (;;) {
    const header = await stream.read(TAR_BLOCK);
    if (header.length < TAR_BLOCK) throw new TarError('it ends before its end mark');
    if (header.equals(ZERO_BLOCK)) return await expectZeros(stream);
    checkSum(header);
    const type = header.toString('latin1', 156, 157);
    if ([LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL].includes(type)) {
      const content = await readDescription(stream, readNumber(header, 124, 12));
      if (type === LONG_NAME) described.name = untilZero(content);
      else if (type === LONG_LINK) described.link = untilZero(content);
      else if (type === PAX) described = { ...described, ...readPax(content) };
      else if (Object.keys(readPax(content)).length > 0) throw new TarError('it has a name or a size for all entries');
      continue;
    }
    const entry = makeEntry(header, described);
    described = {};
    let unread = entry.size;
    yield {
      ...entry,
      async *read() {
        while (unread > 0) {
          const chunk = await stream.read(Math.min(unread, MIB));
          if (chunk.length === 0) return;
          unread -= chunk.length;
          yield chunk;
        }
      },
    };
    unread += padding(entry.size);
    while (unread > 0) {
      const { length } = await stream.read(Math.min(unread, MIB));
      if (length === 0) throw new TarError(`it ends inside of ${JSON.stringify(entry.name)}`);
      unread -= length;
    }
  }
}

function makeEntry(header: Buffer, described: Described): TarEntry {
  const flag = header.toString('latin1', 156, 157);
  const ustar = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = ustar ? untilZero(header.subarray(345, 500)) : '';
  const short = untilZero(header.subarray(0, 100));
  const name = described.name ?? (prefix === '' ? short : `${prefix}/${short}`);
  const type = TYPES[flag];
  if (type === undefined) throw new TarError(`${JSON.stringify(name)} is of the unknown type ${JSON.stringify(flag)}`);
  const size = described.size ?? readNumber(header, 124, 12);
  if (type !== 'file' && size > 0) throw new TarError(`${JSON.stringify(name)} is a ${type} with content`);
  const isLink = type === 'hard link' || type === 'symbolic link';
  const link = isLink ? (described.link ?? untilZero(header.subarray(157, 257))) : '';
  return { name, type, size, link };
}

async function expectZeros(stream: ByteReader): Promise<void> {
  for (;;) {
    const block = await stream.read(TAR_BLOCK);
    if (block.length === 0) return;
    if (!block.equals(ZERO_BLOCK.subarray(0, block.length))) throw new TarError('it has bytes behind its end mark');
  }
}

function checkSum(header: Buffer): void {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (readNumber(header, 148, 8) !== sum) throw new TarError('the checksum of a header is wrong');
}

/** Reads a number in octal digits, or in base 256 as GNU tar writes large ones. */
function readNumber(header: Buffer, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0);
    if (Number.isSafeInteger(value)) return value;
  }
  const text = field
    .toString('latin1')
    .replaceAll(/[\0 ]+$/g, '')
    .trimStart();
  if (!/^[0-7]*$/.test(text)) throw new TarError('a number in a header is wrong');
  return Number.parseInt(`0${text}`, 8);
}

async function readDescription(stream: ByteReader, size: number): Promise<Buffer> {
  if (size > LARGEST_DESCRIPTION) throw new TarError(`the description of an entry has ${size} bytes`);
  const content = await stream.read(size + padding(size));
  if (content.length < size + padding(size)) throw new TarError('it ends inside of the description of an entry');
  return content.subarray(0, size);
}

/** Reads the records of pax: `<length> <key>=<value>\n`. */
function readPax(content: Buffer): Described {
  const described: Described = {};
  for (let at = 0; at < content.length;) {
    const blank = content.indexOf(' ', at);
    const length = /^[1-9]\d{0,6}$/.exec(content.toString('latin1', at, Math.max(blank, at)))?.[0];
    const end = at + Number(length ?? 0);
    const equals = content.indexOf('=', blank);
    if (length === undefined || end > content.length || equals < 0 || equals >= end || content[end - 1] !== 0x0a) {
      throw new TarError('a record of pax is wrong');
    }
    const key = content.toString('utf8', blank + 1, equals);
    const value = content.toString('utf8', equals + 1, end - 1);
    if (key.startsWith('GNU.sparse.')) throw new TarError('it has a sparse file');
    if (key === 'path') described.name = value;
    if (key === 'linkpath') described.link = value;
    if (key === 'size') described.size = readPaxSize(value);
    at = end;
  }
  return described;
}

function readPaxSize(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new TarError('the size of an entry is wrong');
  return Number(value);
}

function untilZero(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
}
