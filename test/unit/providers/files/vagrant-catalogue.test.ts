import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { files } from '../../../../src/providers/files/files.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';
import { push, settingsOf, withFolder } from './harness.js';

const PUBLIC = 'https://boxes.example.org/team';
const BOX = 'vagrant/debian-12/metadata.json';

interface Catalogue {
  name: string;
  versions: { version: string; providers: { name: string; url: string; architecture?: string }[] }[];
}

interface Setting {
  folder: string;
  provider: Provider;
  box(format: 'vagrant-libvirt' | 'vagrant-virtualbox', arch?: string): Promise<PushedImage>;
  read(): Promise<Catalogue>;
}

async function withPlace(work: (setting: Setting) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const provider = await files.connect(settingsOf({ url: pathToFileURL(folder).href, public_url: `${PUBLIC}/` }));
    await work({
      folder,
      provider,
      box: (format, arch = 'x86_64') =>
        createPushedImage(folder, Buffer.from('box'), {
          name: `debian-12-${format}`,
          format,
          fileName: `debian-12-${format}.box`,
          os: { name: 'Debian', version: '12', arch },
        }),
      read: async () => JSON.parse(await readFile(join(folder, BOX), 'utf8')) as Catalogue,
    });
  });
}

describe('the catalogue of a Vagrant box', () => {
  it('has the box of each provider and architecture in one version of the day', async () => {
    await withPlace(async ({ provider, box, read }) => {
      const libvirt = await box('vagrant-libvirt');
      const registered = await push(provider, createOperation(), libvirt);
      await push(provider, createOperation(), await box('vagrant-virtualbox'));
      await push(provider, createOperation(), await box('vagrant-libvirt', 'aarch64'));
      const { name, versions } = await read();
      assert.equal(name, 'debian-12');
      assert.equal(versions.length, 1);
      assert.match(versions[0]?.version ?? '', /^20\d{6}\.0\.0$/);
      assert.deepEqual(versions[0]?.providers[0], {
        name: 'libvirt',
        url: `${PUBLIC}/${libvirt.uuid}/debian-12-vagrant-libvirt.box`,
        checksum_type: 'sha256',
        checksum: libvirt.file.sha256,
        architecture: 'amd64',
      });
      assert.deepEqual(
        versions[0]?.providers.map(({ name: provider1, architecture }) => `${provider1} ${architecture}`),
        ['libvirt amd64', 'virtualbox amd64', 'libvirt arm64'],
      );
      assert.deepEqual(
        registered.resources.map(({ kind }) => kind),
        ['checksums', 'description', 'catalogue'],
      );
    });
  });

  it('gives the second box of a provider the next version', async () => {
    await withPlace(async ({ provider, box, read }) => {
      await push(provider, createOperation(), await box('vagrant-libvirt'));
      await push(provider, createOperation(), await box('vagrant-libvirt'));
      assert.deepEqual(
        (await read()).versions.map(({ version }) => version.slice(8)),
        ['.0.0', '.0.1'],
      );
    });
  });

  it('keeps what others have written, when boxes come and go', async () => {
    await withPlace(async ({ folder, provider, box, read }) => {
      const theirs = {
        name: 'team/debian',
        description: 'theirs',
        versions: [
          {
            version: '1.0.0',
            status: 'active',
            providers: [{ name: 'libvirt', url: 'https://x/1.box', note: 'kept' }],
          },
          { version: '1.1.0', providers: [] },
        ],
      };
      await mkdir(join(folder, 'vagrant/debian-12'), { recursive: true });
      await writeFile(join(folder, BOX), JSON.stringify(theirs));
      const registered = await Promise.all(
        [await box('vagrant-libvirt'), await box('vagrant-virtualbox')].map((image) =>
          push(provider, createOperation(), image),
        ),
      );
      assert.equal((await read()).versions.length, 3);
      assert.equal((await read()).versions[2]?.providers.length, 2);
      for (const image of registered) await provider.delete(createOperation(), image);
      assert.deepEqual(await read(), theirs);
    });
  });

  it('is not changed when it is not one', async () => {
    await withPlace(async ({ folder, provider, box }) => {
      await mkdir(join(folder, 'vagrant/debian-12'), { recursive: true });
      await writeFile(join(folder, BOX), '{"name": "x"');
      await assert.rejects(push(provider, createOperation(), await box('vagrant-libvirt')), {
        type: 'Conflict',
        message: /not a catalogue of Vagrant boxes/,
      });
      assert.equal(await readFile(join(folder, BOX), 'utf8'), '{"name": "x"');
    });
  });
});
