import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fetchChecksum, findChecksum, parseChecksums } from '../../../src/media/published-checksums.js';
import { LOOPBACK, serve } from './server.js';

const ONE = '1'.repeat(64);
const TWO = '2'.repeat(64);

describe('parseChecksums', () => {
  it('reads the GNU form, text and binary, paths with spaces included', () => {
    assert.deepEqual(parseChecksums(`${ONE}  ./netboot/linux\n${TWO} *a disc.iso\n${'a'.repeat(32)}  old\r\n`), [
      { algorithm: 'sha256', value: ONE, name: './netboot/linux' },
      { algorithm: 'sha256', value: TWO, name: 'a disc.iso' },
      { algorithm: 'md5', value: 'a'.repeat(32), name: 'old' },
    ]);
  });

  it('undoes the escapes of a GNU line that begins with a backslash', () => {
    assert.equal(parseChecksums(`\\${ONE}  a\\\\b\\nc`)[0]?.name, 'a\\b\nc');
    assert.equal(parseChecksums(`${ONE}  a\\\\b`)[0]?.name, 'a\\\\b');
  });

  it('reads the BSD form in a signed file, and ignores all other lines', () => {
    const text = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# Fedora-Server.iso: 5 bytes\nSHA256 (Fedora-Server.iso) = ${ONE.toUpperCase()}\nSHA512 (x) = ${ONE}\n-----BEGIN PGP SIGNATURE-----\niQIz\n`;
    assert.deepEqual(parseChecksums(text), [{ algorithm: 'sha256', value: ONE, name: 'Fedora-Server.iso' }]);
  });

  it('reads the forms of OpenSSL, before its version 3 and since', () => {
    const text = `SHA2-256(a.iso)= ${ONE}\nSHA2-512(a.iso)= ${ONE}${TWO}\nSHA256(b.iso)= ${TWO}\nMD5(b.iso)= ${'a'.repeat(32)}\n`;
    assert.deepEqual(parseChecksums(text), [
      { algorithm: 'sha256', value: ONE, name: 'a.iso' },
      { algorithm: 'sha512', value: `${ONE}${TWO}`, name: 'a.iso' },
      { algorithm: 'sha256', value: TWO, name: 'b.iso' },
      { algorithm: 'md5', value: 'a'.repeat(32), name: 'b.iso' },
    ]);
  });
});

describe('findChecksum', () => {
  it('finds a file by its path, then by its name', () => {
    const text = `${ONE}  ./netboot/linux\n${TWO}  ./netboot/gtk/initrd.gz\n`;
    assert.equal(findChecksum(text, 'netboot/linux')?.value, ONE);
    assert.equal(findChecksum(text, 'initrd.gz')?.value, TWO);
    assert.equal(findChecksum(text, 'vmlinuz'), undefined);
  });

  it('does not guess between two files of the same name', () => {
    assert.equal(findChecksum(`${ONE}  a/linux\n${TWO}  b/linux\n`, 'linux'), undefined);
  });

  it('accepts a digest without a file name, and only digests of the wanted algorithm', () => {
    assert.equal(findChecksum(`${ONE}\n`, 'disc.iso')?.value, ONE);
    assert.equal(findChecksum(`${ONE}  disc.iso\n`, 'disc.iso', 'md5'), undefined);
  });
});

describe('the checksum of a medium', () => {
  const files: Partial<Record<string, string>> = {
    '/Current.iso.sha256': `${ONE}  Snapshot20230525.iso\n`,
    '/Several.iso.sha256': `${ONE}  Snapshot20230525.iso\n${TWO}  Snapshot20230526.iso\n`,
    '/Mixed.iso.sha256': `${ONE}  Snapshot20230525.iso\n${'a'.repeat(32)}  Snapshot20230526.iso\n`,
    '/SUMS': `${TWO}  My Distro.iso\n`,
    '/BROKEN': `${ONE}  100%Distro.iso\n`,
  };
  let server: Awaited<ReturnType<typeof serve>>;
  before(async () => {
    server = await serve((request, response) => void response.end(files[request.url?.replace(/\?.*/, '') ?? '']));
  });
  after(() => server[Symbol.asyncDispose]());

  const of = async (medium: string, file: string): Promise<string> =>
    (
      await fetchChecksum({
        access: LOOPBACK,
        url: `${server.url}${file}`,
        medium: `${server.url}${medium}`,
        algorithm: 'sha256',
        keys: undefined,
      })
    ).value;
  const isRefused = (medium: string, file: string): Promise<void> =>
    assert.rejects(of(medium, file), { type: 'ChecksumMismatch' });

  it('is the only line of a file named after the medium (such as x.iso.sha256), whatever name the line has', async () => {
    assert.equal(await of('/Current.iso', '/Current.iso.sha256'), ONE);
    assert.equal(await of('/Current.iso?token=1', '/Current.iso.sha256?token=2'), ONE);
  });

  it('is not taken from a file that is named after another medium', async () => {
    await isRefused('/Other.iso', '/Current.iso.sha256');
    await isRefused('/Cur', '/Current.iso.sha256');
    await isRefused('/other/Current.iso', '/Current.iso.sha256');
  });

  it('is not one of several lines with other names', async () => {
    await isRefused('/Several.iso', '/Several.iso.sha256');
    await isRefused('/Mixed.iso', '/Mixed.iso.sha256');
  });

  it('is found by the decoded name in the medium’s address, or by the name as it is when it cannot be decoded', async () => {
    assert.equal(await of('/My%20Distro.iso', '/SUMS'), TWO);
    assert.equal(await of('/100%Distro.iso', '/BROKEN'), ONE);
  });
});
