import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { checkIsoPrograms, readIsoInfo } from '../../../src/media/iso.js';
import { createIso } from '../../../src/media/new-iso.js';
import { readFromIso } from '../../support/iso.js';

const { signal } = new AbortController();
const missing = await checkIsoPrograms(signal).then(
  () => false,
  (error: Error) => error.message,
);

it('a new medium has its files under their own names, for Windows too', { skip: missing }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-new-iso-'));
  try {
    const from = join(folder, 'answers');
    await writeFile(from, '<unattend/>');
    const files = ['autounattend.xml', 'extras/OpenSSH-Win64-v9.msi'].map((path) => ({ from, path }));
    const iso = await createIso({ volumeId: 'IMGFACTORY', files, folder, signal });
    assert.deepEqual(await readIsoInfo(iso, iso), { volumeId: 'IMGFACTORY', udf: false });
    for (const { path } of files) assert.equal(await readFromIso(iso, `/${path}`, folder), '<unattend/>');
    // Windows reads the names of Joliet, the supplementary descriptor of UCS-2 level 3 (ECMA-119 8.5).
    const bytes = await readFile(iso);
    const descriptors = [16, 17, 18, 19].map((sector) => bytes.subarray(sector * 2048, (sector + 1) * 2048));
    const joliet = descriptors.find((sector) => sector[0] === 2 && sector.toString('latin1', 88, 91) === '%/E');
    assert(joliet !== undefined);
    assert(bytes.includes(Buffer.from('autounattend.xml', 'utf16le').swap16()));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
