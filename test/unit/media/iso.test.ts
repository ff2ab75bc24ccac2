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

  /** Remasters a medium, writes it to a file and returns the path of the file. */
  async function written(iso: RemasterOptions): Promise<string> {
    const path = join(iso.folder, 'medium.iso');
    await writeFile(path, (await remasterIso(iso))());
    return path;
  }

  async function ownFolder(): Promise<string> {
    return mkdtemp(join(folder, 'work-'));
  }

  it('has a volume id', async () => {
    assert.deepEqual(await readIsoInfo(source, 'http://m.example.org/a.iso'), { volumeId: 'Debian 12 n', udf: false });
  });

  it('is refused when the file is not an ISO; the error names the address without its password', async () => {
    const none = join(folder, 'none.iso');
    await writeFile(none, '<html>not found</html>');
    await assert.rejects(readIsoInfo(none, 'http://me:secret@m.example.org/a.iso'), (error: Error) => {
      assert.match(error.message, /http:\/\/m\.example\.org\/a\.iso: the file is not an ISO 9660 image/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });

  it('is recognised as UDF by its descriptors, as the media of Windows are', async () => {
    const bytes = await readFile(source);
    // The descriptor of UDF comes directly after the last descriptor of ISO 9660.
    const udf = Buffer.alloc(2048);
    udf.write('NSR02', 1, 'latin1');
    const terminator = bytes.indexOf(Buffer.from('\xffCD001', 'latin1'), 16 * 2048);
    udf.copy(bytes, terminator + 2048);
    const path = join(folder, 'udf.iso');
    await writeFile(path, bytes);
    assert.equal((await readIsoInfo(path, 'http://m.example.org/a.iso')).udf, true);
  });

  it('returns the first of several files that it contains', async () => {
    const own = await ownFolder();
    const iso = { path: source, folder: own, signal };
    const to = join(own, 'kernel');
    assert.equal(await extractFromIso(iso, ['install/vmlinuz', 'install.amd/vmlinuz', 'README.txt'], to), 'install.amd/vmlinuz'); // prettier-ignore
    assert.equal(await readFile(to, 'utf8'), 'the kernel');
    assert.equal(await extractFromIso(iso, ['linux', 'casper/vmlinuz'], join(own, 'none')), undefined);
  });

  it('does not expand wildcards in file names', async () => {
    const own = await ownFolder();
    assert.equal(await extractFromIso({ path: source, folder: own, signal }, ['install.*/vmlinuz'], join(own, 'x')), undefined); // prettier-ignore
  });

  describe('that is remastered', () => {
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

    it('has its old files, the new files, and its volume id', async () => {
      assert.equal(await readFromIso(made, '/README.txt', own), 'read me');
      assert.equal(await readFromIso(made, '/preseed.cfg', own), 'our script');
      assert.equal(await readFromIso(made, '/extras/one', own), 'from a folder');
      assert.equal((await readIsoInfo(made, 'x')).volumeId, 'Debian 12 n');
    });

    it('does not contain the target of a link in a new folder', async () => {
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

  it('gets files at paths that xorriso could take for commands, lists or patterns', async () => {
    const own = await ownFolder();
    await writeFile(join(own, 'script'), 'ours');
    const paths = ['-commit', '--', '-rm_r', 'a=b', '*', '@x', '#x', "it's"];
    const files = paths.map((path) => ({ from: join(own, 'script'), path: parseIsoPath(path) }));
    const made = await written({ source, files, folder: own, signal });
    for (const path of paths) assert.equal(await readFromIso(made, `/${path}`, own), 'ours', path);
    assert.equal(await readFromIso(made, '/README.txt', own), 'read me');
  });

  it('keeps its own boot loader when it gets none of ours', async () => {
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

  it('without a kernel at the expected paths is refused, and the error names the paths', async () => {
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

  it('that is too short is reported as truncated', async () => {
    const own = await ownFolder();
    const large = await makeIso(own, 'LARGE', { big: Buffer.alloc(500_000, 1) });
    const broken = join(own, 'broken.iso');
    await writeFile(broken, (await readFile(large)).subarray(0, 33 * 1024));
    await assert.rejects(readIsoInfo(broken, 'http://m.example.org/a.iso'), {
      type: 'MediaUnavailable',
      message: /the ISO is truncated: it has 33792 of \d+ bytes/,
    });
  });

  it('that cannot be read causes a retryable error with the message of the program', async () => {
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

describe('a path on a medium', () => {
  it('has no slash at its beginning after parsing', () => {
    assert.equal(parseIsoPath('/extras//a.txt'), 'extras/a.txt');
  });

  it('is refused when it is empty, leads out of the medium, or has control characters', () => {
    for (const path of ['/', '', '/../etc/passwd', 'a/./b', 'a\nb'])
      assert.throws(() => parseIsoPath(path), { type: 'InvalidTemplate' }, JSON.stringify(path));
  });
});
