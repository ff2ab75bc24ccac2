import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readIcicle } from '../../../src/icicle/icicle.js';
import { checkIsoPrograms } from '../../../src/media/iso.js';
import { listMedia } from '../../fakes/openstack/compute/boot-order.js';
import { WINDOWS_USER } from '../../fakes/openstack/guests/powershell.js';
import { createMediumFixture } from '../../fakes/openstack/medium-fixture.js';
import { TestEnv, type Build } from '../../support/test-env.js';

const skip = await checkIsoPrograms(new AbortController().signal).then(
  () => false,
  (error: Error) => error.message,
);

const PASSWORD = 'Secret-1A';

describe('a Windows', { skip }, () => {
  let env: TestEnv;
  /**
   * Paths of the files on the media in the CD-ROM drives of each installer, by the id of its instance. The test reads
   * them before the build deletes the instance.
   */
  const drives = new Map<string, string[][]>();
  before(async () => {
    env = await TestEnv.start();
    const { behaviours, faults, state } = env.cloud;
    behaviours.add({ match: { boots: 'disk' }, guest: { user: WINDOWS_USER, takesHostKey: false } });
    const choose = async (): Promise<undefined> => {
      for (const server of state.servers.values()) {
        if (server.boots === 'installer')
          drives.set(server.id, listMedia(state, server).map(({ files }) => [...files.keys()].sort())); // prettier-ignore
      }
    };
    const match = { service: 'compute', method: 'DELETE', path: /\/servers\// } as const;
    faults.add({ kind: 'chosen', match, times: Infinity, choose });
    env.media.put('/win.iso', await createMediumFixture({ files: { 'sources/install.wim': 'wim' } }));
    env.media.put('/virtio-win.iso', await createMediumFixture({ files: { 'viostor/a.inf': 'inf' }, bootable: false }));
    env.media.put('/tool.msi', 'a tool');
  });
  after(() => env.close());

  function build(command: string): Promise<Build> {
    const template = `<template><name>win</name><os><name>WindowsServer</name><version>2022</version><arch>x86_64</arch>
      <install type='iso'><iso>${env.media.origin}/win.iso</iso><extras><file source='${env.media.origin}/tool.msi' destination='/tools/'/></extras></install>
      <rootpw>${PASSWORD}</rootpw></os>
      <repositories><repository name='own'><url>http://m.example.org/nuget</url><persisted>no</persisted></repository></repositories>
      <packages><package name='7zip'/></packages><files><file name='C:\\inetpub\\a.txt'>hello</file></files>
      <commands><command name='c'>${command}</command></commands></template>`;
    const own = { install_script: undefined, default_user: undefined, command_prefix: undefined };
    return env.build(template, { ...own, drivers_iso: `${env.media.origin}/virtio-win.iso` });
  }

  it('is installed with an answer file on a second medium, and customised with PowerShell', async () => {
    const run = await build("if (-not (Test-Path 'C:\\inetpub\\a.txt')) { exit 1 }\nWrite-Output 'there'");
    const { glanceId } = await run.result();
    assert.deepEqual(
      [...drives.values()],
      [[['isolinux/isolinux.bin', 'sources/install.wim'], ['autounattend.xml', 'tools/tool.msi'], ['viostor/a.inf']]],
    );
    const properties = env.cloud.state.images.get(glanceId)?.properties ?? {};
    const wanted = { os_type: 'windows', os_distro: 'windows', os_version: 'win2k22', hw_disk_bus: 'virtio', hw_vif_model: 'virtio', hw_machine_type: 'q35' }; // prettier-ignore
    for (const [name, value] of Object.entries(wanted)) assert.equal(properties[name], value, name);
    const record = await run.record();
    assert(readIcicle(record.icicle ?? '').packages.some(({ name }) => name === '7zip-1.0-1'));
    assert(!JSON.stringify(record).includes(PASSWORD));
    assert.deepEqual(env.leftovers(), []);
  });

  it('fails with a command’s exit status and output', async () => {
    const { type, message } = await (await build("Write-Output 'no such thing'\nexit 7")).failure();
    assert.equal(type, 'CommandFailed');
    assert.match(message, /run command c: ended with exit status 7\nno such thing/);
    assert.deepEqual(env.leftovers(), []);
  });
});
