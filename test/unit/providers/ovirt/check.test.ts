import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ovirt } from '../../../../src/providers/ovirt/ovirt.js';
import type { Finding } from '../../../../src/providers/types.js';
import { CLUSTER, USER } from '../../../fakes/providers/ovirt/engine.js';
import { createOperation } from '../../../support/providers/operation.js';
import { type Bench, createBench } from '../../../support/providers/ovirt.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';

const TEMPLATE = { template_cluster: CLUSTER.name };

function failures(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ ok, what, message }) => (ok ? [] : [`${what}: ${message}`]));
}

describe('the check of oVirt', () => {
  let bench: Bench;
  beforeEach(async () => (bench = await createBench()));
  afterEach(() => bench.close());

  it('finds nothing wrong, and makes nothing', async () => {
    const image = await createPushedImage(bench.folder, Buffer.alloc(4096));
    const provider = await bench.connect(TEMPLATE);
    const findings = await provider.check(createOperation(), image);
    assert.deepEqual(failures(findings), []);
    assert.deepEqual(
      findings.map(({ what }) => what),
      [
        ...['sign in to oVirt', 'use the storage domain data', 'see uploads', 'use the cluster Default'],
        ...['take the image', 'take the name'],
      ],
    );
    assert.deepEqual(
      bench.engine.server.log.list({ path: /\/api/ }).filter(({ method }) => method !== 'GET'),
      [],
    );
  });

  it('says what is wrong with the places and the image', async () => {
    bench.engine.available = 100;
    bench.engine.architecture = 's390x';
    const image = await createPushedImage(bench.folder, Buffer.alloc(4096), { format: 'vmdk' });
    const found = failures(await (await bench.connect(TEMPLATE)).check(createOperation(), image));
    assert.match(found.join('\n'), /data: 100 bytes are free/);
    assert.match(found.join('\n'), /the cluster is s390x, and has no hosts of the architecture x86_64/);
    assert.match(found.join('\n'), /oVirt takes qcow2 and raw, not vmdk/);
    const arm = await createPushedImage(bench.folder, Buffer.alloc(10), {
      os: { name: 'Debian', version: '12', arch: 'aarch64' },
    });
    assert.match(failures(await (await bench.connect()).check(createOperation(), arm)).join(), /no hosts .* aarch64/);
    const isos = await bench.connect({ storage_domain: 'isos' });
    assert.match(failures(await isos.check(createOperation())).join(), /of type iso/);
  });

  it('tells a wrong password and a wrong address', async () => {
    const wrong = await bench.connect({}, { username: USER.username, password: 'wrong' });
    const [finding, ...more] = await wrong.check(createOperation());
    assert.match(finding?.message ?? '', /Cannot authenticate user 'imagefactory@internal'/);
    assert.match(finding?.hint ?? '', /user@internal/);
    assert.deepEqual(more, []);
    await assert.rejects(wrong.listStaging(createOperation()), { type: 'AuthenticationFailed' });
    const elsewhere = await bench.connect({ url: bench.engine.server.url });
    assert.equal(
      (await elsewhere.check(createOperation()).catch((error: Error) => [{ ok: false, error }]))[0]?.ok,
      false,
    );
  });

  it('takes credentials from the file of the worker, or from the push, and never tells them', async () => {
    const provider = await bench.connect({ username: 'nobody@internal' }, { rhevm_credentials: USER });
    assert.deepEqual(failures(await provider.check(createOperation())), []);
    const file = join(bench.folder, 'secret');
    await writeFile(file, 'topsecret\n');
    const wrong = await bench.connect({ password_file: file });
    const error = await wrong.listStaging(createOperation()).catch((reason: unknown) => reason);
    assert.ok(!JSON.stringify(error).includes('topsecret') && !String(error).includes('topsecret'));
    await assert.rejects(bench.connect({ password_file: join(bench.folder, 'none') }), {
      type: 'InvalidParameter',
      message: /cannot read password_file of the provider rhev/,
    });
    await assert.rejects(bench.connect({ password_file: undefined }), { type: 'AuthenticationFailed' });
    await assert.rejects(bench.connect({}, { token: 'x' }), {
      type: 'InvalidParameter',
      hint: /username and password/,
    });
    await assert.rejects(bench.connect({ ca: join(bench.folder, 'none') }), {
      type: 'InvalidParameter',
      message: /ca of/,
    });
  });

  it('refuses an address without TLS, but on this machine', () => {
    const entry = { kind: 'ovirt', storage_domain: 'data' };
    const check = (url: string): boolean => ovirt.schema.safeParse({ ...entry, url }).success;
    assert.equal(check('http://engine.example.org/ovirt-engine'), false);
    assert.equal(check('http://127.0.0.1.example.org/ovirt-engine'), false);
    assert.equal(check('https://engine.example.org/ovirt-engine/api'), true);
    assert.equal(check('http://127.0.0.1:8080/ovirt-engine'), true);
    assert.equal(ovirt.schema.safeParse({ ...entry, url: 'https://e', insecure: true }).success, false);
  });
});
