import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { isAllowed } from '../../../../src/providers/azure/permissions.js';
import type { Finding } from '../../../../src/domain/provider-image.js';
import type { PushedImage } from '../../../../src/providers/types.js';
import type { FakeAzure } from '../../../fakes/providers/azure/azure-server.js';
import { createOperation } from '../../../support/providers/operation.js';
import { connect, makeFolder, makeImage, MIB, startAzure } from './pushes.js';

const folder = makeFolder();
const ACCOUNT = /storageAccounts/;

/** Checks, and returns what is wrong. */
async function findProblems(
  change: (azure: FakeAzure) => Record<string, unknown> | void = () => undefined,
  image?: PushedImage,
): Promise<Finding[]> {
  const azure = await startAzure();
  const provider = await connect(azure, change(azure) ?? {});
  const findings = await provider.check(createOperation(), image);
  assert.ok(azure.server.log.list().every(({ method }) => ['GET', 'HEAD', 'POST'].includes(method)));
  assert.equal(
    azure.server.log.list({ method: 'POST' }).every(({ path }) => /oauth2/.test(path)),
    true,
  );
  return findings.filter(({ ok }) => !ok);
}

describe('the check of a provider of kind azure', () => {
  it('finds nothing wrong, and changes nothing', async () => {
    assert.deepEqual(await findProblems(undefined, await makeImage(folder)), []);
    assert.deepEqual(await findProblems(() => ({ gallery: undefined }), await makeImage(folder)), []);
  });

  it('names the missing permissions, where they are missing, and what to do', async () => {
    const problems = await findProblems(({ manager }) => {
      manager.grants = [{ actions: ['*/read', 'Microsoft.Compute/galleries/*'], notActions: ['*/delete'] }];
    });
    assert.deepEqual(
      problems.map(({ what, message }) => `${what}: ${message}`),
      [
        'permissions at gallery shared: the identity lacks Microsoft.Compute/galleries/images/versions/delete',
        'permissions at storage account imagestore: the identity lacks Microsoft.Storage/storageAccounts/listKeys/action, Microsoft.Storage/storageAccounts/write',
        `permissions at container images: the identity lacks ${['read', 'write', 'delete'].map((verb) => `Microsoft.Storage/storageAccounts/blobServices/containers/blobs/${verb}`).join(', ')}`,
      ],
    );
    assert.ok(problems.every(({ hint }) => /docs\/providers\/azure\.md/.test(hint ?? '')));
  });

  for (const [title, change, words] of [
    ['the container is missing', ({ blobs }) => void (blobs.hasContainer = false), /there is none/],
    [
      'the gallery is missing',
      ({ manager, gallery }) => void manager.resources.delete(gallery.toLowerCase()),
      /none in/,
    ],
    ['a region is unknown', () => ({ region: 'atlantis' }), /no region atlantis/],
    [
      'the account is in another region',
      ({ manager }) => void manager.find(ACCOUNT).forEach((account) => (account.location = 'North Europe')),
      /in region North Europe, and the images shall be in westeurope/,
    ],
    [
      'the account has no page blobs',
      ({ manager }) => void manager.find(ACCOUNT).forEach((account) => (account.kind = 'BlockBlobStorage')),
      /kind BlockBlobStorage has no page blobs/,
    ],
  ] as readonly [string, (azure: FakeAzure) => Record<string, unknown> | void, RegExp][]) {
    it(`says that ${title}`, async () => {
      const problems = await findProblems(change);
      assert.ok(
        problems.some(({ message = '' }) => words.test(message)),
        JSON.stringify(problems),
      );
    });
  }

  for (const [title, image, words, change] of [
    ['another format', { file: { format: 'qcow2' } }, /fixed VHD, not qcow2/],
    ['a disk of odd size', { file: { virtualSize: 9 * MIB + 512 } }, /not a multiple of 1 MiB/],
    ['a footer that says another size', { file: { virtualSize: 10 * MIB } }, /its footer says/],
    ['a disk that is too large', { file: { virtualSize: 5000 * 1024 ** 3 } }, /4095 GiB/],
    ['Arm64 with BIOS', { os: { name: 'Debian', version: '12', arch: 'aarch64' } }, /Arm64 by UEFI only/],
    [
      'Arm64 as a managed image',
      { os: { name: 'Debian', version: '12', arch: 'aarch64' }, firmware: 'uefi' },
      /managed image cannot be of architecture Arm64/,
      () => ({ gallery: undefined }),
    ],
    [
      'a definition that is missing',
      {},
      /there is none/,
      () => ({ gallery: { name: 'shared', definition: 'nothing' } }),
    ],
    [
      'a definition of another generation',
      { firmware: 'uefi' },
      /hyperVGeneration is V1, and the image needs V2/,
      ({ manager, gallery }) =>
        void manager.add(`${gallery}/images/debian-12-test`, {
          properties: { osType: 'Linux', osState: 'Generalized' },
        }),
    ],
  ] as readonly [
    string,
    Record<string, unknown> & { file?: Partial<PushedImage['file']> },
    RegExp,
    ((azure: FakeAzure) => Record<string, unknown> | void)?,
  ][]) {
    it(`refuses ${title} before the upload`, async () => {
      const good = await makeImage(folder);
      const bad = { ...good, ...image, file: { ...good.file, ...image.file } };
      const problems = await findProblems(change, bad);
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.match(problems[0]?.message ?? '', words);
    });
  }

  it('does not fail where the identity may read neither its permissions nor the regions', async () => {
    const azure = await startAzure();
    azure.server.fail({ kind: 'status', status: 403, match: { path: /\/(permissions|locations)\?/ }, times: Infinity });
    const findings = await (await connect(azure)).check(createOperation());
    assert.ok(findings.every(({ ok }) => ok));
    assert.ok(findings.some(({ message = '' }) => /may not read its own permissions/.test(message)));
    assert.ok(findings.some(({ message = '' }) => /may not read the list of regions/.test(message)));
  });
});

describe('the permissions of an identity', () => {
  const grant = { actions: [] as string[], notActions: [] as string[], dataActions: [], notDataActions: [] };

  it('follow Azure’s patterns, without regard to case', () => {
    assert.ok(
      isAllowed([{ ...grant, actions: ['Microsoft.Compute/*/read'] }], 'microsoft.compute/galleries/images/read'),
    );
    assert.equal(
      isAllowed([{ ...grant, actions: ['Microsoft.Compute/images/read'] }], 'Microsoft.Compute/images/write'),
      false,
    );
  });

  it('are added up over roles, and what one role leaves out another may give', () => {
    const limited = { ...grant, actions: ['*'], notActions: ['*/delete'] };
    assert.equal(isAllowed([limited], 'a/delete'), false);
    assert.ok(isAllowed([limited, { ...grant, actions: ['a/*'] }], 'a/delete'));
    assert.equal(isAllowed([limited], 'a/read', true), false);
  });
});

describe('the credentials of a provider of kind azure', () => {
  const image = makeImage(folder);

  async function rejectsWith(provider: Awaited<ReturnType<typeof connect>>): Promise<FactoryError> {
    try {
      await provider.find(createOperation(), await image);
    } catch (error) {
      assert.ok(error instanceof FactoryError, String(error));
      return error;
    }
    return assert.fail('it was not refused');
  }

  it('that are wrong are refused in one sentence without the secret', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    azure.secret = 'another';
    const { type, message, hint = '', retryable } = await rejectsWith(provider);
    assert.deepEqual([type, retryable], ['AuthenticationFailed', false]);
    assert.match(message, /AADSTS7000215: Invalid client secret provided\.?$/);
    assert.doesNotMatch(message + hint, /correct-secret/);
    await assert.rejects(provider.check(createOperation()), { type: 'AuthenticationFailed' });
  });

  it('of the user override those of the worker, as az prints them too', async () => {
    const azure = await startAzure();
    const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_SECRET: secret } = azure.env;
    const given = [
      { tenant_id: tenant, client_id: 'worker', client_secret: secret },
      { tenant, appId: 'worker', password: secret, displayName: 'worker' },
    ];
    for (const credentials of given) {
      const provider = await connect(azure, {}, credentials);
      assert.equal(await provider.find(createOperation(), await image), undefined);
    }
    const wrong = await connect(azure, {}, { ...given[0], client_secret: 'wrong' });
    assert.equal((await rejectsWith(wrong)).type, 'AuthenticationFailed');
    await assert.rejects(connect(azure, {}, { user: 'me' }), { type: 'InvalidParameter' });
  });

  it('are asked for again when Microsoft Entra ID is busy', async () => {
    const azure = await startAzure();
    azure.server.fail({ kind: 'status', status: 503, match: { path: /oauth2/ }, times: Infinity });
    const { type, retryable, message } = await rejectsWith(await connect(azure));
    assert.deepEqual([type, retryable], ['CloudUnavailable', true]);
    assert.match(message, /answered with status 503/);
  });

  it('are asked for again when the network is lost', async () => {
    const azure = await startAzure();
    azure.server.fail({ kind: 'reset-before', match: { path: /oauth2/ }, times: Infinity });
    const { type, retryable } = await rejectsWith(await connect(azure));
    assert.deepEqual([type, retryable], ['CloudUnavailable', true]);
  });

  it('are not sent to a server whose certificate nobody vouches for', async () => {
    const azure = await startAzure();
    const { retryable, hint = '' } = await rejectsWith(await connect(azure, { ca: undefined }));
    assert.equal(azure.server.log.count(), 0);
    assert.equal(retryable, false);
    assert.match(hint, /`ca` of a provider/);
  });

  it('of the user take the place of the account’s key, whose file must exist otherwise', async () => {
    const azure = await startAzure();
    const { AZURE_TENANT_ID: tenant_id, AZURE_CLIENT_SECRET: client_secret } = azure.env;
    const storage = { account: 'imagestore', container: 'images', key_file: '/nonexistent/key' };
    const provider = await connect(azure, { storage }, { tenant_id, client_id: 'worker', client_secret });
    assert.deepEqual(await provider.listStaging(createOperation()), []);
    azure.manager.grants = [{ actions: ['*'] }];
    const problems = (await provider.check(createOperation())).filter(({ ok }) => !ok);
    assert.deepEqual(
      problems.map(({ what }) => what),
      ['permissions at container images'],
    );
    await assert.rejects(connect(azure, { storage }), /storage\.key_file of the provider cannot be read: ENOENT/);
  });
});
