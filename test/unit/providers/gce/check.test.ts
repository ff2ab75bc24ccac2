import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { FactoryError } from '../../../../src/domain/errors.js';
import { BUCKET_PERMISSIONS, PROJECT_PERMISSIONS } from '../../../../src/providers/gce/check.js';
import { connectGce, gce } from '../../../../src/providers/gce/gce.js';
import { imageName, labelsOf } from '../../../../src/providers/gce/names.js';
import type { Provider } from '../../../../src/providers/types.js';
import { FakeGce } from '../../../fakes/providers/gce/fake-gce.js';
import {
  configureGce,
  connectToFake,
  createAccountKey,
  createGceArchive,
  createGceImage,
} from '../../../support/providers/gce.js';
import { createOperation } from '../../../support/providers/operation.js';

const operation = createOperation();

describe('the provider gce', { timeout: 60_000 }, () => {
  let folder = '';
  let fake: FakeGce;
  let provider: Provider;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gce-check-'));
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    fake = new FakeGce();
    await fake.server.listen();
    provider = await connectToFake(fake);
  });
  afterEach(async () => {
    delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
    delete process.env['GCE_METADATA_HOST'];
    await provider.close();
    fake.server.close();
  });

  const failures = async (checked = provider) => (await checked.check(operation)).filter(({ ok }) => !ok);

  describe('check', () => {
    it('finds nothing wrong, and makes nothing', async () => {
      const image = await createGceImage(folder, createGceArchive(1000));
      const findings = await provider.check(operation, image);
      assert.equal(findings.length, 5);
      assert.deepEqual(
        findings.filter(({ ok }) => !ok),
        [],
      );
      assert.equal(fake.storage.objects.size + fake.storage.uploads.size + fake.compute.images.size, 0);
    });

    it('names the permission that is missing', async () => {
      fake.storage.permissions.delete('storage.objects.delete');
      fake.compute.permissions.delete('compute.images.setLabels');
      const [bucket, project] = await failures();
      assert.match(bucket?.message ?? '', /not the permission storage\.objects\.delete for bucket fake-bucket/);
      assert.match(project?.message ?? '', /not the permission compute\.images\.setLabels for project fake-project/);
      assert.match(project?.hint ?? '', /compute\.images\.setLabels/);
    });

    it('says that it cannot ask for permissions of the project without the API for that', async () => {
      fake.hasResourceManager = false;
      const findings = await provider.check(operation);
      assert.ok(findings.every(({ ok }) => ok));
      assert.match(findings[2]?.message ?? '', /Resource Manager API disabled/);
      assert.match(findings[2]?.hint ?? '', /gcloud services enable/);
    });

    it('says that the bucket is not there', async () => {
      const other = await connectToFake(fake, { bucket: 'other-bucket' });
      assert.match((await failures(other))[0]?.message ?? '', /there is no bucket other-bucket/);
      await other.close();
    });

    it('finds an image of somebody else under the name, and an image that it does not take', async () => {
      const image = await createGceImage(folder, createGceArchive(1000), { virtualSize: 5 });
      fake.compute.put({ name: imageName(image) });
      const findings = await provider.check(operation, image);
      assert.match(findings[3]?.message ?? '', /whole GiB alone/);
      assert.match(findings[4]?.message ?? '', /does not carry the labels/);
    });

    it('asks again for the permissions of the project when the answer is lost', async () => {
      fake.server.fail({ kind: 'reset-after', match: { path: /^\/v1\/projects/ } });
      assert.deepEqual(await failures(), []);
    });

    it('fails with what passes when a push asks, so that the push tries again, and else reports it', async () => {
      const image = await createGceImage(folder, createGceArchive(1000));
      const fail = () =>
        fake.server.fail({ kind: 'status', status: 503, match: { path: /^\/v1\/projects/ }, times: 5 });
      fail();
      await assert.rejects(provider.check(operation, image), { type: 'CloudUnavailable', retryable: true });
      fail();
      assert.deepEqual(
        (await failures()).map(({ what }) => what),
        ['make images in project fake-project'],
      );
    });
  });

  describe('sign-in', () => {
    const connect = async (credentials?: Record<string, unknown>, more: Record<string, unknown> = {}) =>
      connectGce({ name: 'google', configuration: configureGce(fake, more), credentials, env: {} });

    it('uses the key in credentials_file', async () => {
      const path = join(folder, 'key.json');
      await writeFile(path, JSON.stringify(createAccountKey(fake)));
      const connected = await connect(undefined, { credentials_file: path });
      assert.deepEqual(await failures(connected), []);
      await connected.close();
    });

    it('uses workload identity of the environment', async () => {
      await writeFile(join(folder, 'subject'), 'subject');
      await writeFile(join(folder, 'identity.json'), JSON.stringify(workloadIdentity()));
      process.env['GOOGLE_APPLICATION_CREDENTIALS'] = join(folder, 'identity.json');
      const connected = await connect();
      assert.deepEqual(await failures(connected), []);
      assert.equal(fake.server.log.count({ path: /\/sts\/v1\/token/ }), 1);
      await connected.close();
    });

    it('uses the metadata server of the machine', async () => {
      process.env['GCE_METADATA_HOST'] = fake.url;
      const connected = await connect();
      assert.deepEqual(await failures(connected), []);
      assert.ok(fake.server.log.count({ path: /computeMetadata.*\/token/ }) > 0);
      await connected.close();
    });

    it('passes on why Google refuses it', async () => {
      await writeFile(join(folder, 'identity.json'), JSON.stringify(workloadIdentity()));
      process.env['GOOGLE_APPLICATION_CREDENTIALS'] = join(folder, 'identity.json');
      await writeFile(join(folder, 'subject'), 'subject');
      fake.signIn = 'refused';
      const connected = await connect();
      await assert.rejects(connected.listStaging(operation), (error: FactoryError) => {
        assert.equal(error.type, 'AuthenticationFailed');
        assert.match(error.message, /subject token is expired/);
        return !error.retryable;
      });
      await connected.close();
    });

    it('says that Google does not know the key', async () => {
      const credentials = createAccountKey(fake);
      fake.accountKey = undefined;
      const connected = await connect(credentials);
      await assert.rejects(connected.listStaging(operation), { type: 'AuthenticationFailed', retryable: false });
      await connected.close();
    });

    it('refuses credentials that could read files of the worker, and never shows a key', async () => {
      await assert.rejects(connect(workloadIdentity()), { type: 'InvalidParameter', message: /not a key/ });
      const { private_key: key, ...rest } = createAccountKey(fake);
      await assert.rejects(connect({ ...rest, private_key: '' }), { message: /private_key/ });
      const path = join(folder, 'broken.json');
      await writeFile(path, String(key));
      await assert.rejects(connect(undefined, { credentials_file: path }), (error: FactoryError) => {
        assert.match(error.message, /broken\.json of provider google is not JSON/);
        return !error.message.includes('PRIVATE');
      });
    });

    const workloadIdentity = (): Record<string, unknown> => ({
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/site',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${fake.url}/sts/v1/token`,
      credential_source: { file: join(folder, 'subject') },
    });
  });

  describe('share', () => {
    const share = async (...accounts: string[]): Promise<void> => {
      const image = await createGceImage(folder, createGceArchive(1000));
      const made = fake.compute.put({ name: imageName(image), labels: labelsOf(image, 'x'), diskSizeGb: '1' });
      const registered = await provider.find(operation, image);
      assert.ok(registered !== undefined);
      await provider.share?.(operation, registered, accounts);
      assert.deepEqual(made.policy.bindings.at(-1)?.members, ['user:a@example.org']);
    };

    it('adds the accounts once, also when the reply is lost', async () => {
      fake.server.fail({ kind: 'reset-after', match: { path: /setIamPolicy/ } });
      await share('a@example.org', 'user:a@example.org');
    });

    it('keeps what others change at the same time', async () => {
      let isFirst = true;
      fake.compute.onReadPolicy = ({ policy }) => {
        if (!isFirst) return;
        isFirst = false;
        policy.etag = 'BwB=';
        policy.bindings.push({ role: 'roles/compute.admin', members: ['user:b@example.org'] });
      };
      await share('a@example.org');
      const [image] = fake.compute.images.values();
      assert.equal(image?.policy.bindings[0]?.role, 'roles/compute.admin');
    });

    it('fails for an image that is not there', async () => {
      const registered = { id: 'x', location: '', resources: [], verifiedBy: '' };
      await assert.rejects(provider.share?.(operation, registered, ['a@b']) ?? Promise.resolve(), { type: 'NotFound' });
    });
  });

  describe('configuration', () => {
    it('has a document with every permission that is checked', async () => {
      const text = await readFile('docs/providers/gce.md', 'utf8');
      const missing = [...BUCKET_PERMISSIONS, ...PROJECT_PERMISSIONS].filter((name) => !text.includes(name));
      assert.deepEqual(missing, []);
    });

    it('needs a project and a bucket, and knows no other keys', () => {
      const parse = (more: Record<string, unknown>) =>
        gce.schema.safeParse({ kind: 'gce', project: 'fake-project', bucket: 'fake-bucket', ...more });
      assert.ok(parse({}).success);
      assert.ok(!parse({ project: '12' }).success);
      assert.ok(!parse({ bucket: 'gs://x' }).success);
      assert.ok(!parse({ password: 'x' }).success);
    });

    it('says that the file of the authority cannot be read', async () => {
      await assert.rejects(connectToFake(fake, { ca: join(folder, 'none.pem') }), /none\.pem cannot be read/);
    });
  });
});
