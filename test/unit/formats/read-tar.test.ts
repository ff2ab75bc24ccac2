import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readTar, type TarEntry } from '../../../src/formats/archive/read-tar.js';
import { writeTar, writeTarHeader } from '../../../src/formats/archive/tar.js';
import { ByteReader, textFile } from '../../../src/formats/bytes/content.js';
import { makeFolder } from './disks.js';
import { writeTarChecksum } from '../../support/tar-checksum.js';

const folder = makeFolder();
const END = Buffer.alloc(1024);

async function* inChunks(bytes: Buffer, length = 999): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** Lists the entries of a tar, with the contents of its files. */
async function list(tar: Buffer): Promise<(TarEntry & { text: string })[]> {
  const entries: (TarEntry & { text: string })[] = [];
  for await (const { read, ...entry } of readTar(new ByteReader(inChunks(tar)))) {
    const chunks: Buffer[] = [];
    for await (const chunk of read()) chunks.push(chunk);
    entries.push({ ...entry, text: Buffer.concat(chunks).toString() });
  }
  return entries;
}

/** Makes an entry of any type, with its content. */
function makeEntry(name: string, type: string, content: Buffer | string = '', size?: number): Buffer {
  const bytes = Buffer.from(content);
  const header = writeTarHeader({ name, size: size ?? bytes.length }, 'ustar');
  header.write(type, 156, 'latin1');
  writeTarChecksum(header);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function makePax(...records: string[]): Buffer {
  return makeEntry('pax', 'x', records.join(''));
}

describe('a reader of tar archives', () => {
  for (const format of ['gnu', 'pax', 'ustar']) {
    it(`lists what GNU tar has written in the format ${format}`, async () => {
      const tree = mkdtempSync(join(folder, 'tree-'));
      // ustar has a prefix of 155 bytes for the folders of a name, and 100 bytes for a link.
      const long = 'n'.repeat(format === 'ustar' ? 90 : 200);
      mkdirSync(join(tree, long));
      writeFileSync(join(tree, long, 'ü'), 'content');
      linkSync(join(tree, long, 'ü'), join(tree, 'hard'));
      symlinkSync(`../${long}`, join(tree, 'symbolic'));
      const tar = execFileSync('tar', ['c', `--format=${format}`, '--sort=name', '-C', tree, '.']);
      const file = { link: '', type: 'file', size: 7, text: 'content' };
      assert.deepEqual(await list(tar), [
        { name: './', type: 'folder', size: 0, link: '', text: '' },
        { name: './hard', ...file },
        { name: `./${long}/`, type: 'folder', size: 0, link: '', text: '' },
        { name: `./${long}/ü`, type: 'hard link', size: 0, link: './hard', text: '' },
        { name: './symbolic', type: 'symbolic link', size: 0, link: `../${long}`, text: '' },
      ]);
    });
  }

  it('takes the size from pax where the header cannot have it', async () => {
    const tar = Buffer.concat([makePax('10 size=3\n'), makeEntry('a', '0', 'abc', 0), END]);
    assert.deepEqual(await list(tar), [{ name: 'a', type: 'file', size: 3, link: '', text: 'abc' }]);
  });

  it('refuses an archive that is cut off, wherever it is', async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of writeTar([textFile('a', 'x'.repeat(700)), textFile('b', 'y')], 'ustar'))
      chunks.push(chunk);
    const tar = Buffer.concat(chunks);
    const end = tar.length - END.length;
    for (const length of [0, 100, 512, 513, 1200, 1400, 1536, 2100, end]) {
      await assert.rejects(
        list(tar.subarray(0, length)),
        { name: 'TarError', message: /^it ends / },
        `${length} bytes`,
      );
    }
    assert.equal((await list(tar)).length, 2);
  });

  it('refuses sparse files, whichever format has them', async () => {
    const tree = mkdtempSync(join(folder, 'sparse-'));
    writeFileSync(join(tree, 'sparse'), '');
    truncateSync(join(tree, 'sparse'), 2 ** 22);
    for (const format of ['gnu', 'pax']) {
      const tar = execFileSync('tar', ['c', '-S', `--format=${format}`, '-C', tree, 'sparse']);
      await assert.rejects(list(tar), { message: /^it has a sparse file$|is of the unknown type "S"$/ });
    }
  });

  const wrong: Readonly<Record<string, [tar: Buffer, message: RegExp]>> = {
    'a header whose checksum is wrong': [Buffer.concat([Buffer.alloc(512, 'a'), END]), /checksum|number/],
    'bytes behind its end mark': [Buffer.concat([END, makeEntry('a', '0')]), /behind its end mark/],
    'an unknown type': [Buffer.concat([makeEntry('a', 'Z'), END]), /"a" is of the unknown type "Z"/],
    'a folder with content': [Buffer.concat([makeEntry('a/', '5', 'abc'), END]), /"a\/" is a folder with content/],
    'a description of gigabytes': [makeEntry('a', 'L', '', 2 ** 31), /description of an entry has 2147483648 bytes/],
    'a record of pax that is longer than the records': [makePax('99 path=a\n'), /record of pax is wrong/],
    'a record of pax without an end': [makePax('8 path=a'), /record of pax is wrong/],
    'a record of pax without a length': [makePax('path=a\n'), /record of pax is wrong/],
    'a negative size': [Buffer.concat([makePax('11 size=-1\n'), END]), /size of an entry is wrong/],
    'a name for all entries': [makeEntry('g', 'g', '10 path=a\n'), /for all entries/],
  };
  for (const [what, [tar, message]] of Object.entries(wrong)) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(list(tar), { name: 'TarError', message });
    });
  }
});
