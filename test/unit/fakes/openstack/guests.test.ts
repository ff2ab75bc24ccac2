import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { FakeCloud } from '../../../fakes/openstack/fake-cloud.js';
import { CloudFixture } from './cloud-fixture.js';

const support = await FakeCloud.checkGuestSupport();
const skip = support.supported ? false : support.reason;

/** Lists the command lines of the host's processes. */
async function listProcesses(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}

describe('guests of the fake cloud', { skip }, () => {
  let fixture: CloudFixture;
  before(async () => (fixture = await CloudFixture.start()));
  after(() => fixture.close());

  it('accept the key pair, have the host key of their user data, and run commands as root', async () => {
    const { address } = await fixture.createGuest((await fixture.createImage()).id);
    const guest = await fixture.waitForLogin(address);
    assert.equal((await guest.run('id -un', { privileged: false })).stdout, 'debian\n');
    assert.equal((await guest.run('id -un; echo wrong >&2; exit 3')).stdout, 'root\n');
    assert.equal((await guest.run('exit 3')).exitCode, 3);
    guest.close();
    await assert.rejects(fixture.connect(address, 'nobody'), /refuses user nobody/);
  });

  it('never change the files of the host', async () => {
    const { address } = await fixture.createGuest((await fixture.createImage()).id);
    const guest = await fixture.waitForLogin(address);
    const marks = ['/usr/bin', '/etc', '/tmp', '/root', '/opt'].map((folder) => `${folder}/fake-guest-was-here`);
    const written = await guest.run(`touch ${marks.join(' ')} && rm -f /usr/bin/env && mount -t tmpfs none /mnt`);
    assert.match(written.stderr, /permission denied/);
    assert.equal((await guest.run(`ls ${marks.join(' ')}`)).exitCode, 0);
    for (const mark of marks) assert.ok(!existsSync(mark), mark);
    assert.ok(existsSync('/usr/bin/env'));
    guest.close();
  });

  it('install packages into their own database, and refuse unknown packages', async () => {
    const { address } = await fixture.createGuest((await fixture.createImage()).id);
    const guest = await fixture.waitForLogin(address);
    assert.equal((await guest.run('apt-get update && apt-get -y install nginx htop')).exitCode, 0);
    assert.equal(
      (await guest.run("dpkg-query -W -f='${Version} ${Status}' nginx")).stdout,
      '1.0-1 install ok installed',
    );
    const missing = await guest.run('apt-get -y install no-such-package');
    assert.equal(missing.exitCode, 100);
    assert.equal(missing.stderr, 'E: Unable to locate package no-such-package\n');
    guest.close();
  });

  it('keep their processes when the connection is lost, and their files in a snapshot', async () => {
    const { id, address } = await fixture.createGuest((await fixture.createImage()).id);
    const guest = await fixture.waitForLogin(address);
    await guest.run('setsid sh -c "sleep 0.2; echo kept >/opt/later" </dev/null >/dev/null 2>&1 & rm -f /usr/bin/env');
    guest.close();
    const again = await fixture.waitForLogin(address);
    await fixture.waitFor(
      () => again.run('cat /opt/later'),
      ({ stdout }) => stdout === 'kept\n',
    );
    await again.run('systemctl poweroff');
    await fixture.waitForServer(id, 'SHUTOFF');
    const copy = await fixture.createGuest((await fixture.createSnapshot(id)).id);
    const other = await fixture.waitForLogin(copy.address);
    assert.equal((await other.run('cat /opt/later; ls /usr/bin/env')).stdout, 'kept\n');
    other.close();
  });

  it('lose their connections and processes when they reboot, and come back under a new boot id', async () => {
    const { id, address } = await fixture.createGuest((await fixture.createImage()).id);
    const guest = await fixture.waitForLogin(address);
    const bootId = 'cat /proc/sys/kernel/random/boot_id';
    const before = (await guest.run(bootId)).stdout;
    await guest.run('echo kept >/opt/kept; setsid sleep 86408 </dev/null >/dev/null 2>&1 &');
    const under = assert.rejects(guest.run('sleep 60'), /lost the connection/);
    await fixture.fake.rebootServer(id);
    await under;
    assert.ok(!(await listProcesses()).some((line) => line.includes('86408')));
    assert.equal((await fixture.cloud.compute.getServer(id))?.status, 'ACTIVE');
    const again = await fixture.waitForLogin(address);
    assert.notEqual((await again.run(bootId)).stdout, before);
    assert.equal((await again.run('cat /opt/kept')).stdout, 'kept\n');
    again.close();
  });

  it('stop with all their processes when their server is deleted', async () => {
    const { id, address } = await fixture.createGuest((await fixture.createImage()).id);
    const guest = await fixture.waitForLogin(address);
    await guest.run('setsid sleep 86407 </dev/null >/dev/null 2>&1 &');
    assert.ok((await listProcesses()).some((line) => line.includes('86407')));
    await fixture.cloud.compute.deleteServer(id);
    await fixture.waitForDeletion(id);
    assert.ok(!(await listProcesses()).some((line) => line.includes('86407')));
    assert.equal(fixture.fake.findSshPort(address), undefined);
  });

  it('cannot be reached before a security group rule allows the caller', async () => {
    const { compute, network } = fixture.cloud;
    const { address } = await fixture.createGuest((await fixture.createImage()).id);
    (await fixture.waitForLogin(address)).close();
    const [group] = await network.listSecurityGroups({ name: 'guest' });
    const held = fixture.fake.state.securityGroups.get(group?.id ?? '');
    const rules = held?.rules.splice(0) ?? [];
    await assert.rejects(fixture.connect(address), /connection (reset|closed)/i);
    held?.rules.push(...rules);
    (await fixture.connect(address)).close();
    assert.ok((await compute.listServers()).length > 0);
  });

  it('can refuse root rights, and can have another user', async () => {
    const forget = fixture.fake.behaviours.add({ guest: { user: 'fedora', sudo: 'password' } });
    const { id, address } = await fixture.createGuest((await fixture.createImage()).id);
    await fixture.waitFor(
      () => fixture.cloud.compute.getConsoleOutput(id),
      (text) => text.includes('END SSH HOST KEY'),
    );
    const guest = await fixture.connect(address, 'fedora');
    assert.match((await guest.run('true')).stderr, /a password is required/);
    guest.close();
    forget();
  });
});
