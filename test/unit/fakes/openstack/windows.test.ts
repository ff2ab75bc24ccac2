import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { checkPrivilege, removeKeyAndShutDown } from '../../../../src/guest/access.js';
import { connectGuest } from '../../../../src/guest/connect.js';
import { GuestJournal } from '../../../../src/guest/journal.js';
import { generateKeyPair, readKeyBlob } from '../../../../src/guest/keys.js';
import { POSIX } from '../../../../src/guest/posix.js';
import type { Guest } from '../../../../src/guest/types.js';
import { WINDOWS_TOOLS } from '../../../../src/os/families/windows/guest.js';
import { FakeCloud } from '../../../fakes/openstack/fake-cloud.js';
import { CloudFixture } from './cloud-fixture.js';

const support = await FakeCloud.checkGuestSupport();
const USER = 'Administrator';

describe('a Windows guest of the fake cloud', { skip: support.supported ? false : support.reason }, () => {
  let fixture: CloudFixture;
  let id: string;
  let address: string;
  const guests: Guest[] = [];
  const journal = new GuestJournal();
  before(async () => {
    fixture = await CloudFixture.start();
    fixture.fake.behaviours.add({ guest: { user: USER } });
    ({ id, address } = await fixture.createGuest((await fixture.createImage()).id));
    await fixture.waitFor(() => login().catch(() => undefined), (guest) => guest !== undefined); // prettier-ignore
  });
  after(async () => {
    for (const guest of guests) guest.close();
    await fixture.close();
  });

  async function login(privateKey = fixture.loginKey.privateKey): Promise<Guest> {
    const host = {
      host: address,
      port: fixture.fake.findSshPort(address) ?? 22,
      hostKeys: [fixture.hostKey.publicKey],
    };
    const guest = await connectGuest({ ...host, username: USER, privateKey, commandPrefix: '', shell: 'powershell' }, { timeout: 20 }); // prettier-ignore
    guests.push(guest);
    return guest;
  }

  function step(guest: Guest, key: string, script: string, round = '0'): Promise<unknown[]> {
    return journal
      .run(guest, key, script, { timeout: 60, round })
      .then(({ exitCode, output, attached }) => [exitCode, output, attached]);
  }

  it('gives its user all rights, and supports only the scripts that a build sends', async () => {
    const guest = await login();
    await checkPrivilege(guest, '');
    const unknown = await guest.run('Get-Process');
    assert.deepEqual([unknown.exitCode, unknown.stdout], [255, '']);
    assert.match(unknown.stderr, /not a script of imagefactory: Get-Process/);
    await assert.rejects(
      journal.run(guest, 'command:1 x', 'Format-Volume C', { timeout: 9 }),
      /cannot translate the line: Format/,
    );
  });

  it('runs a step once, and returns the same result when the step is sent again', async () => {
    const guest = await login();
    const script = "Write-Output 'it is done'\nexit 3";
    assert.deepEqual(await step(guest, 'command:1 a', script), [3, 'it is done\n', false]);
    assert.deepEqual(await step(await login(), 'command:1 a', script), [3, 'it is done\n', true]);
    assert.deepEqual(await step(guest, 'command:1 a', "Write-Output 'ok'", '1'), [0, 'ok\n', false]);
    assert.deepEqual(await step(guest, 'command:1 a', script, '2'), [0, 'ok\n', true]);
  });

  it('accepts files, packages and sources', async () => {
    const guest = await login();
    const bytes = Buffer.from([0, 1, 0xff, 0x0a]);
    await guest.writeFile('C:\\inetpub\\wwwroot\\a.bin', bytes);
    assert.equal(await fixture.fake.guestFiles(id)?.read('c/inetpub/wwwroot/a.bin'), bytes.toString('utf8'));
    const repository = { name: 'own', url: 'http://m.example.org/nuget', signed: false, persisted: false, sslverify: true }; // prettier-ignore
    for (const { script } of [WINDOWS_TOOLS.addRepository(repository), WINDOWS_TOOLS.installPackages(['7zip', 'git'])])
      // prettier-ignore
      assert.equal((await step(guest, script, script))[0], 0);
    const listed = (await guest.run(WINDOWS_TOOLS.listPackages)).stdout.split('\n');
    assert(listed.includes('7zip-1.0-1') && listed.includes('git-1.0-1'));
    const missing = await step(guest, 'packages', WINDOWS_TOOLS.installPackages(['no-such-package']).script);
    assert.equal(missing[0], 100);
    assert.equal((await step(guest, 'clean', WINDOWS_TOOLS.cleanGuest([]).script))[0], 0);
  });

  it('accepts the key of a session until the key is removed', async () => {
    const guest = await login();
    const { privateKey, publicKey } = generateKeyPair();
    assert.equal((await guest.run(guest.shell.allowKey(USER, `${publicKey} imagefactory-session`))).exitCode, 0);
    await login(privateKey);
    assert.equal((await guest.run(guest.shell.revokeKey(USER, readKeyBlob(publicKey)))).exitCode, 0);
    await assert.rejects(login(privateKey), (error) => error instanceof FactoryError && error.type === 'GuestLoginRefused'); // prettier-ignore
  });

  it('removes the key and shuts down', async () => {
    const guest = await login();
    const cleanUp = guest.shell.lastCleanUp;
    const cleanAtShutdown = WINDOWS_TOOLS.cleanAtShutdown([]);
    await removeKeyAndShutDown(guest, fixture.loginKey.publicKey, { cleanUp, cleanAtShutdown });
    await fixture.waitForServer(id, 'SHUTOFF');
    const files = fixture.fake.guestFiles(id);
    assert.equal(await files?.read('etc/ssh/ssh_host_ed25519_key'), undefined);
    assert.equal(await files?.read(`home/${USER}/.ssh/authorized_keys`), undefined);
    assert.equal(await files?.read(`${POSIX.journal.slice(1)}/anything`), undefined);
  });
});
