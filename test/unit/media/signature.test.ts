import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createCleartextMessage, createMessage, generateKey, type PrivateKey, sign } from 'openpgp';
import { fetchChecksum } from '../../../src/media/published-checksums.js';
import { fetchSigned } from '../../../src/media/signature.js';
import { LOOPBACK, serve } from './server.js';

const SUMS = `${'a'.repeat(64)}  medium.iso\n`;

describe('a signed checksum file', () => {
  let key: PrivateKey;
  let armored: string;
  let stranger: PrivateKey;
  const files = new Map<string, string | Uint8Array>();
  let server: Awaited<ReturnType<typeof serve>>;

  before(async () => {
    const keys = await Promise.all(
      ['distribution', 'stranger'].map((name) => generateKey({ userIDs: [{ name }], format: 'object' })),
    );
    [key, stranger] = keys.map(({ privateKey }) => privateKey) as [PrivateKey, PrivateKey];
    armored = key.toPublic().armor();
    server = await serve((request, response) => {
      const body = files.get(request.url ?? '');
      response.statusCode = body === undefined ? 404 : 200;
      response.end(body);
    });
    const message = await createMessage({ text: SUMS });
    const signed = async (
      signingKeys: PrivateKey,
      format: 'binary' | 'armored' = 'armored',
    ): Promise<string | Uint8Array> =>
      format === 'binary'
        ? ((await sign({ message, signingKeys, detached: true, format })) as Uint8Array)
        : ((await sign({ message, signingKeys, detached: true })) as string);
    files.set('/SUMS', SUMS);
    files.set('/SUMS.gpg', await signed(key, 'binary'));
    files.set('/ascii/SUMS', SUMS);
    files.set('/ascii/SUMS.sign', await signed(key));
    files.set('/changed/SUMS', SUMS.replaceAll('a', 'b'));
    files.set('/changed/SUMS.gpg', files.get('/SUMS.gpg') ?? '');
    files.set('/stranger/SUMS', SUMS);
    files.set('/stranger/SUMS.asc', await signed(stranger));
    files.set('/none/SUMS', SUMS);
    files.set('/garbage/SUMS', SUMS);
    files.set('/garbage/SUMS.sig', 'no signature at all');
    const text = await createCleartextMessage({ text: SUMS });
    const clear = await sign({ message: text, signingKeys: key });
    files.set('/clear/SUMS', clear);
    files.set('/Current.iso.sha256', clear);
    files.set('/wrapped/SUMS', `${'b'.repeat(64)}  medium.iso\n${clear}`);
  });
  after(() => server[Symbol.asyncDispose]());

  const get = (path: string, keys: string | undefined = armored): Promise<{ text: string }> =>
    fetchSigned(`${server.url}${path}/SUMS`, { access: LOOPBACK, keys });

  it('is read without a check when no key is given', async () => {
    assert.equal((await fetchSigned(`${server.url}/none/SUMS`, { access: LOOPBACK, keys: undefined })).text, SUMS);
  });

  it('is accepted with a signature file beside it, binary or armored, with any of the usual endings', async () => {
    assert.equal((await get('')).text, SUMS);
    assert.equal((await get('/ascii')).text, SUMS);
  });

  it('is accepted with a signature in the file, but only for the signed part', async () => {
    assert.equal((await get('/clear')).text.trim(), SUMS.trim());
    // The line before the signed part is not signed, so it must not be used.
    const found = await fetchChecksum({ access: LOOPBACK, url: `${server.url}/wrapped/SUMS`, medium: `${server.url}/medium.iso`, algorithm: 'sha256', keys: armored }).catch((error: { type: string }) => error.type); // prettier-ignore
    assert.ok(found === 'SignatureInvalid' || (typeof found === 'object' && found.value === 'a'.repeat(64)), String(found)); // prettier-ignore
  });

  it('of a single medium may have another name in its line, but must be signed', async () => {
    const of = (keys: PrivateKey): ReturnType<typeof fetchChecksum> =>
      fetchChecksum({
        access: LOOPBACK,
        url: `${server.url}/Current.iso.sha256`,
        medium: `${server.url}/Current.iso`,
        algorithm: 'sha256',
        keys: keys.toPublic().armor(),
      });
    assert.equal((await of(key)).value, 'a'.repeat(64));
    await assert.rejects(of(stranger), { type: 'SignatureInvalid' });
  });

  it('is accepted when it is signed with one of several keys', async () => {
    const both = `${stranger.toPublic().armor()}\n${armored}`;
    await assert.rejects(get('', stranger.toPublic().armor()), { type: 'SignatureInvalid' });
    assert.equal((await get('', both)).text, SUMS);
  });

  for (const [what, path, why] of [
    ['was changed after signing', '/changed', /Signed digest did not match/],
    ['is signed with another key', '/stranger', /by key [0-9a-f]{16}: Could not find signing key/],
    [
      'is not signed',
      '/none',
      /contains no signature, and no signature file is beside it \(\.gpg, \.asc, \.sign, \.sig\)/,
    ],
    ['has a signature file without a signature', '/garbage', /is not signed with a key in checksum_key: .+/],
  ] as const) {
    it(`that ${what} is refused, with the reason`, async () => {
      await assert.rejects(get(path), (error: Error & { type?: string; retryable?: boolean }) => {
        assert.equal(error.type, 'SignatureInvalid');
        assert.equal(error.retryable, false);
        assert.match(error.message, why);
        return true;
      });
    });
  }

  it('is refused when checksum_key is not an OpenPGP public key', async () => {
    await assert.rejects(get('', 'not a key'), {
      type: 'InvalidParameter',
      message: /checksum_key is not an OpenPGP public key/,
    });
  });
});
