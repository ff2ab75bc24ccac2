import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { checkGrubPrograms } from '../../../src/media/grub.js';
import {
  checkIsoPrograms,
  extractFromIso,
  readIsoInfo,
  parseIsoPath,
  remasterIso,
  type RemasterOptions,
} from '../../../src/media/iso.js';
import { readBootRecords, makeIso, readFromIso } from '../../support/iso.js';

const { signal } = new AbortController();
const missing = await Promise.all([checkGrubPrograms(['bios', 'uefi'], signal), checkIsoPrograms(signal)]).then(
  () => false,
  (error: Error) => error.message,
);

describe('an install medium', { skip: missing }, () => {
  let folder: string;
  let source: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagefactory-iso-'));
    source = await makeIso(folder, 'Debian 12 n', {
      'install.amd/vmlinuz': 'the kernel',
      'install.amd/initrd.gz': 'the ramdisk',
      'preseed.cfg': 'the medium’s own',
      'README.txt': 'read me',
    });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** The medium made anew, as a file. */
  async function written(iso: RemasterOptions): Promise<string> {
    const path = join(iso.folder, 'medium.iso');
    await writeFile(path, (await remasterIso(iso))());
    return path;
  }

  async function ownFolder(): Promise<string> {
    return mkdtemp(join(folder, 'work-'));
  }

  it('says what it is called', async () => {
    assert.deepEqual(await readIsoInfo(source, 'http://m.example.org/a.iso'), { volumeId: 'Debian 12 n', udf: false });
  });

  it('is known to be none by its first bytes, with the address that it came from and no password of it', async () => {
    const none = join(folder, 'none.iso');
    await writeFile(none, '<html>not found</html>');
    await assert.rejects(readIsoInfo(none, 'http://me:secret@m.example.org/a.iso'), (error: Error) => {
      assert.match(error.message, /http:\/\/m\.example\.org\/a\.iso: the file is not an ISO 9660 image/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });

  it('is known to be in UDF by its descriptors, as Windows’ media are', async () => {
    const bytes = await readFile(source);
    // After the last of ISO 9660's descriptors: the one that says that UDF follows.
    const udf = Buffer.alloc(2048);
    udf.write('NSR02', 1, 'latin1');
    const terminator = bytes.indexOf(Buffer.from('\xffCD001', 'latin1'), 16 * 2048);
    udf.copy(bytes, terminator + 2048);
    const path = join(folder, 'udf.iso');
    await writeFile(path, bytes);
    assert.equal((await readIsoInfo(path, 'http://m.example.org/a.iso')).udf, true);
  });

  it('gives the first file that it has of several', async () => {
    const own = await ownFolder();
    const iso = { path: source, folder: own, signal };
    const to = join(own, 'kernel');
    assert.equal(await extractFromIso(iso, ['install/vmlinuz', 'install.amd/vmlinuz', 'README.txt'], to), 'install.amd/vmlinuz'); // prettier-ignore
    assert.equal(await readFile(to, 'utf8'), 'the kernel');
    assert.equal(await extractFromIso(iso, ['linux', 'casper/vmlinuz'], join(own, 'none')), undefined);
  });

  it('does not take wildcards in names for what they match', async () => {
    const own = await ownFolder();
    assert.equal(await extractFromIso({ path: source, folder: own, signal }, ['install.*/vmlinuz'], join(own, 'x')), undefined); // prettier-ignore
  });

  describe('that is made anew', () => {
    let made: string;
    let own: string;
    before(async () => {
      own = await ownFolder();
      await writeFile(join(own, 'script'), 'our script');
      await mkdir(join(own, 'folder'));
      await writeFile(join(own, 'folder', 'one'), 'from a folder');
      await symlink('/etc/hostname', join(own, 'folder', 'link'));
      made = await written({
        source,
        files: [
          { from: join(own, 'folder'), path: 'extras' },
          { from: join(own, 'script'), path: 'preseed.cfg' },
        ],
        boot: {
          kernels: ['install/vmlinuz', 'install.amd/vmlinuz'],
          ramdisks: ['install.amd/initrd.gz'],
          commandLine: "auto=true file=/cdrom/preseed.cfg q='x'",
          firmwares: ['bios', 'uefi'],
        },
        folder: own,
        signal,
      });
    });

    it('has what it had, what was put on it, and its name', async () => {
      assert.equal(await readFromIso(made, '/README.txt', own), 'read me');
      assert.equal(await readFromIso(made, '/preseed.cfg', own), 'our script');
      assert.equal(await readFromIso(made, '/extras/one', own), 'from a folder');
      assert.equal((await readIsoInfo(made, 'x')).volumeId, 'Debian 12 n');
    });

    it('follows no link out of a folder that was put on it', async () => {
      assert.equal(await readFromIso(made, '/extras/link', own), undefined);
    });

    it('starts the kernel with our command line', async () => {
      const config = await readFromIso(made, '/imagefactory-boot/grub.cfg', own);
      assert.match(config ?? '', /^linux '\/install\.amd\/vmlinuz' 'auto=true' 'file=\/cdrom\/preseed\.cfg' 'q='\\''x'\\'''$/m); // prettier-ignore
      assert.match(config ?? '', /^initrd '\/install\.amd\/initrd\.gz'$/m);
    });

    it('has a boot loader for BIOS and one for UEFI', async () => {
      const records = (await readBootRecords(made)).join('\n');
      assert.match(records, /El Torito boot img :\s+1\s+BIOS\s+y\s+none/);
      assert.match(records, /El Torito boot img :\s+2\s+UEFI\s+y\s+none/);
    });
  });

  it('keeps its own boot loader where ours is not put on it', async () => {
    const own = await ownFolder();
    const bootable = await makeIso(own, 'OWN', { 'boot/loader.bin': Buffer.alloc(4096, 1) }, '/boot/loader.bin');
    await writeFile(join(own, 'script'), 'DISTRIBUTIONS=base.txz');
    const made = await written({
      source: bootable,
      files: [{ from: join(own, 'script'), path: 'etc/installerconfig' }],
      folder: own,
      signal,
    });
    assert.equal(await readFromIso(made, '/etc/installerconfig', own), 'DISTRIBUTIONS=base.txz');
    assert.match((await readBootRecords(made)).join('\n'), /El Torito img path :\s+1\s+\/boot\/loader\.bin/);
  });

  it('that has no kernel where it should be is said to have none, with the places', async () => {
    const own = await ownFolder();
    const boot = {
      kernels: ['casper/vmlinuz'],
      ramdisks: ['casper/initrd'],
      commandLine: '',
      firmwares: ['bios'] as const,
    };
    await assert.rejects(remasterIso({ source, files: [], boot, folder: own, signal }), {
      type: 'MediaUnavailable',
      message: 'the medium has none of the files casper/vmlinuz',
    });
  });

  it('that ends too early is said to be cut off', async () => {
    const own = await ownFolder();
    const large = await makeIso(own, 'LARGE', { big: Buffer.alloc(500_000, 1) });
    const broken = join(own, 'broken.iso');
    await writeFile(broken, (await readFile(large)).subarray(0, 33 * 1024));
    await assert.rejects(readIsoInfo(broken, 'http://m.example.org/a.iso'), {
      type: 'MediaUnavailable',
      message: /the ISO is truncated: it has 33792 of \d+ bytes/,
    });
  });

  it('that cannot be read fails in the program’s words, and may be tried again', async () => {
    const own = await ownFolder();
    const large = await makeIso(own, 'LARGE', { big: Buffer.alloc(500_000, 1) });
    const broken = join(own, 'broken.iso');
    await writeFile(broken, (await readFile(large)).subarray(0, 450_000));
    const files = [{ from: large, path: 'itself' }];
    await assert.rejects(written({ source: broken, files, folder: own, signal }), {
      type: 'StoreFailed',
      retryable: true,
      message: /^the install medium could not be made: .*Read error in file \/big/s,
    });
  });
});

describe('a place on a medium', () => {
  it('is a path without a slash at its beginning', () => {
    assert.equal(parseIsoPath('/extras//a.txt'), 'extras/a.txt');
  });

  it('leads nowhere out of it', () => {
    for (const path of ['/', '', '/../etc/passwd', 'a/./b', 'a\nb'])
      assert.throws(() => parseIsoPath(path), { type: 'InvalidTemplate' }, JSON.stringify(path));
  });
});
