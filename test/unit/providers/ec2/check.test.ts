import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { amiName } from '../../../../src/providers/ec2/names.js';
import { FakeEc2 } from '../../../fakes/providers/ec2/fake-ec2.js';
import { addImage } from '../../../fakes/providers/ec2/images.js';
import { makeCertificate } from '../../../support/certificate.js';
import { missingProgram } from '../../../support/programs.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';
import { BLOCK, connectEc2, type Ec2Test, push, REGION, startEc2Test } from '../../../support/providers/ec2.js';

let folder: string;
let test: Ec2Test;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ec2-'));
});
after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  test = await startEc2Test({ copyTo: ['us-east-1'] });
});
afterEach(() => test.close());

describe('the check of EC2', () => {
  it('finds every permission, and makes nothing', async () => {
    const findings = await test.provider.check(createOperation());
    assert.deepEqual(
      findings.filter(({ ok }) => !ok),
      [],
    );
    assert.equal(findings.length, 7);
    for (const region of [REGION, 'us-east-1']) {
      assert.equal(test.images(region).length + test.snapshots(region).length, 0);
    }
  });

  for (const action of [
    'ec2:DescribeImages',
    'ec2:DescribeSnapshots',
    'ebs:StartSnapshot',
    'ebs:PutSnapshotBlock',
    'ebs:CompleteSnapshot',
    'ec2:RegisterImage',
    'ec2:CopyImage',
  ]) {
    it(`names the missing permission ${action}, and no other`, async () => {
      test.fake.behaviour.denied.add(action);
      const findings = await test.provider.check(createOperation());
      const [missing, ...more] = findings.filter(({ ok }) => !ok);
      assert.deepEqual(more, []);
      assert.match(missing?.hint ?? '', new RegExp(`the permission ${action} is missing`));
      assert.match(missing?.message ?? '', /not authorized to perform/);
      assert.doesNotMatch(missing?.message ?? '', /Encoded|xxxx/);
    });
  }

  it('says one thing when the credentials are wrong', async () => {
    const wrong = await connectEc2(test.fake.server.url, { accessKey: 'AKIAWRONG' });
    const findings = await wrong.check(createOperation());
    await wrong.close();
    assert.equal(findings.length, 1);
    assert.match(findings[0]?.message ?? '', /AuthFailure/);
    assert.match(findings[0]?.hint ?? '', /check the access key/);
  });

  it('says that credentials have expired', async () => {
    test.fake.behaviour.refusal = { code: 'RequestExpired', message: 'Request has expired.' };
    const [finding] = await test.provider.check(createOperation());
    assert.match(finding?.hint ?? '', /have expired/);
    const image = await createPushedImage(folder, Buffer.alloc(BLOCK, 'x'));
    await assert.rejects(push(test.provider, createOperation(), image), {
      type: 'AuthenticationFailed',
      retryable: false,
    });
  });

  it('tells what EC2 does not take of an image, before anything is sent', async () => {
    const image = await createPushedImage(folder, Buffer.alloc(BLOCK, 'x'), {
      os: { name: 'Debian', version: '12', arch: 'ppc64le' },
    });
    const bad = (await test.provider.check(createOperation(), image)).filter(({ ok }) => !ok);
    assert.deepEqual(
      bad.map(({ message }) => message),
      ['EC2 has no machines for ppc64le'],
    );
  });

  it('throws a failure that passes when an image is checked, and tells it otherwise', async () => {
    const image = await createPushedImage(folder, Buffer.alloc(BLOCK, 'x'));
    test.fake.behaviour.refusal = { code: 'RequestLimitExceeded', message: 'Request limit exceeded.' };
    await assert.rejects(test.provider.check(createOperation(), image), { type: 'RateLimited', retryable: true });
    const [finding] = await test.provider.check(createOperation());
    assert.equal(finding?.ok, false);
  });

  it('tells that the name is somebody else’s', async () => {
    const image = await createPushedImage(folder, Buffer.alloc(BLOCK, 'x'));
    const theirs = addImage(test.fake.region(REGION), test.fake.behaviour, {
      name: amiName(image),
      tags: new Map(),
      parameters: new Map(),
      snapshot: 'snap-theirs',
    });
    const bad = (await test.provider.check(createOperation(), image)).filter(({ ok }) => !ok);
    assert.equal(bad.length, 1);
    assert.match(bad[0]?.message ?? '', new RegExp(theirs));
  });

  it('uses the credentials that the user has given, and says whose account it is', async () => {
    const given = await connectEc2(test.fake.server.url, {
      accessKey: 'AKIAOFTHEWORKER',
      credentials: {
        access_key: test.fake.accessKey,
        secret_access_key: 'secret',
        account_number: '1234-5678-9012',
        certificate: 'of imagefactory, not used',
      },
    });
    const findings = await given.check(createOperation());
    await given.close();
    assert.ok(findings.every(({ ok }) => ok));
    assert.equal(given.account, '123456789012');
    assert.equal(given.location, 'Amazon EC2, eu-west-1, 123456789012');
  });
});

describe('an endpoint of a VPC', () => {
  it('is trusted when its authority is named, and only then', { skip: missingProgram('openssl') }, async () => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    await makeCertificate(cert, key);
    const fake = new FakeEc2({ cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') });
    await fake.server.listen();
    const strict = await connectEc2(fake.server.url, { accessKey: fake.accessKey });
    const told = await connectEc2(fake.server.url, { accessKey: fake.accessKey, ca: cert });
    const [untrusted] = await strict.check(createOperation());
    const trusted = await told.check(createOperation());
    await Promise.all([strict.close(), told.close()]);
    fake.server.close();
    assert.match(untrusted?.message ?? '', /certificate/);
    assert.match(untrusted?.hint ?? '', /`ca` of the provider/);
    assert.ok(trusted.every(({ ok }) => ok));
  });
});
