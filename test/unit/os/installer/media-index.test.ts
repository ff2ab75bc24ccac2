import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findProfile } from '../../../../src/os/registry.js';
import { parseMediaIndex, type IndexedMedia } from '../../../../src/os/installer/media-index.js';
import type { MediaIndex } from '../../../../src/os/installer/types.js';
import type { Template } from '../../../../src/tdl/types.js';
import { templateOf } from '../templates.js';

const KERNEL = 'a'.repeat(64);
const RAMDISK = 'b'.repeat(64);

function mediaOf(name: string, text: string, version = '19', format?: MediaIndex['format']): IndexedMedia {
  const template = templateOf(name, version);
  const plan = findProfile(template).profile.planInstaller(template);
  const index = plan.indexes.find((one) => format === undefined || one.format === format);
  assert(index);
  return parseMediaIndex(index, text, plan);
}

const OS = 'http://dl.example.org/fedora/os';

describe('.treeinfo', () => {
  it('has the addresses and the digests of kernel and ramdisk', () => {
    const text = `[general]\nfamily = Fedora\n[checksums]\nimages/pxeboot/initrd.img = sha256:${RAMDISK}\nimages/pxeboot/vmlinuz = sha256:${KERNEL.toUpperCase()}\n[images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\n[images-xen]\nkernel = other\n`;
    assert.deepEqual(mediaOf('Fedora', text), {
      kernel: { url: `${OS}/images/pxeboot/vmlinuz`, digest: { algorithm: 'sha256', value: KERNEL } },
      ramdisk: { url: `${OS}/images/pxeboot/initrd.img`, digest: { algorithm: 'sha256', value: RAMDISK } },
    });
  });

  it('may have no digests', () => {
    const text = '[images-x86_64]\nkernel=k\ninitrd=i\n';
    assert.deepEqual(mediaOf('Fedora', text), { kernel: { url: `${OS}/k` }, ramdisk: { url: `${OS}/i` } });
  });

  for (const [what, text] of [
    ['a page of another kind', '<html><body>Not found</body></html>'],
    ['an empty file', ''],
    ['the section of another architecture', '[images-ppc64]\nkernel=k\n'],
    ['paths that lead out of the tree', '[images-x86_64]\nkernel=../../k\ninitrd=http://elsewhere.example.org/i\n'],
    ['names that JavaScript’s objects inherit', '[__proto__]\nkernel=k\n[constructor]\ninitrd=i\n'],
  ] as const) {
    it(`gives no media when it is ${what}`, () => assert.deepEqual(mediaOf('Fedora', text), {}));
  }
});

describe('SHA256SUMS', () => {
  const images = 'http://deb.example.org/debian/dists/stable/main/installer-amd64/current/images';

  it('has the digests of the files in the netboot folder, not of files with the same names elsewhere', () => {
    const text = [
      `${'0'.repeat(64)}  ./netboot/gtk/debian-installer/amd64/linux`,
      `${KERNEL}  ./netboot/debian-installer/amd64/linux`,
      `${RAMDISK} *./netboot/debian-installer/amd64/initrd.gz`,
      `${'1'.repeat(64)}  ./cdrom/vmlinuz`,
    ].join('\n');
    assert.deepEqual(mediaOf('Debian', text), {
      kernel: {
        url: `${images}/netboot/debian-installer/amd64/linux`,
        digest: { algorithm: 'sha256', value: KERNEL },
      },
      ramdisk: {
        url: `${images}/netboot/debian-installer/amd64/initrd.gz`,
        digest: { algorithm: 'sha256', value: RAMDISK },
      },
    });
  });

  it('gives no media when it has no line for these files, or is another kind of file', () => {
    assert.deepEqual(mediaOf('Debian', `${KERNEL}  ./cdrom/vmlinuz\n`), {});
    assert.deepEqual(mediaOf('Debian', '<html></html>'), {});
    assert.deepEqual(mediaOf('Debian', `${'a'.repeat(63)}  ./netboot/debian-installer/amd64/linux`), {});
  });
});

describe('SHA256SUMS of Ubuntu’s live server', () => {
  const folder = 'https://releases.example.org/24.04';
  const isoIn = (text: string, version = '24.04'): IndexedMedia => {
    const install = { type: 'url', url: `${folder}/netboot/amd64`, extras: [] } satisfies Template['os']['install'];
    const template = templateOf('Ubuntu', version, { install });
    const plan = findProfile(template).profile.planInstaller(template);
    assert.ok(plan.commandLine.includes(` url=${folder}/ubuntu-${version}-live-server-amd64.iso `));
    const [index] = plan.indexes;
    assert(index);
    assert.equal(index.url, `${folder}/SHA256SUMS`);
    return parseMediaIndex(index, text, plan);
  };
  const sums = (...names: string[]): string => names.map((name) => `${KERNEL} *${name}\n`).join('');

  it('gives the newest point release when the template names none, or one that no longer exists', () => {
    const listed = sums(
      'ubuntu-24.04.10-live-server-amd64.iso',
      'ubuntu-24.04.9-live-server-amd64.iso',
      'ubuntu-24.04.10-desktop-amd64.iso',
      'ubuntu-24.04.11-live-server-arm64.iso',
    );
    const to = `${folder}/ubuntu-24.04.10-live-server-amd64.iso`;
    assert.deepEqual(isoIn(listed), { iso: { from: `${folder}/ubuntu-24.04-live-server-amd64.iso`, to } });
    assert.deepEqual(isoIn(listed, '24.04.2'), { iso: { from: `${folder}/ubuntu-24.04.2-live-server-amd64.iso`, to } });
  });

  it('gives no other address when the ISO of the template is listed, or no ISO is', () => {
    assert.deepEqual(isoIn(sums('ubuntu-24.04-live-server-amd64.iso', 'ubuntu-24.04.1-live-server-amd64.iso')), {});
    assert.deepEqual(isoIn('<html></html>'), {});
  });
});

describe('content, of a SUSE medium', () => {
  it('has the digests of the files in the boot folder', () => {
    const old = 'c'.repeat(40);
    const text = `CONTENTSTYLE 11\nHASH SHA256 ${KERNEL}  boot/x86_64/loader/linux\nHASH SHA1 ${old}  boot/x86_64/loader/initrd\nHASH SHA256 ${RAMDISK}  boot/x86_64/common\n`;
    assert.deepEqual(mediaOf('openSUSE', text, '13.2', 'content'), {
      kernel: {
        url: 'http://example.org/boot/x86_64/loader/linux',
        digest: { algorithm: 'sha256', value: KERNEL },
      },
      ramdisk: { url: 'http://example.org/boot/x86_64/loader/initrd', digest: { algorithm: 'sha1', value: old } },
    });
  });

  it('gives no media when it is an HTML page', () => {
    assert.deepEqual(mediaOf('openSUSE', '<html>HASH SHA256</html>', '13.2', 'content'), {});
  });
});
