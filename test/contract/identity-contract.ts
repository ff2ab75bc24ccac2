import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bench, failure } from './bench.js';

/** Signing in, and the catalogue. */
export function describeIdentity(bench: Bench): void {
  describe('identity', () => {
    it('signs in, and says to which project', async () => {
      assert.match(await bench.cloud.getProjectId(), /^[0-9a-f-]{32,36}$/);
    });

    it('finds the Identity API when the address has no version', async () => {
      const other = bench.reached({ authUrl: bench.settings.authUrl.replace(/\/v3\/?$/, '') });
      assert.equal(await other.getProjectId(), await bench.cloud.getProjectId());
    });

    it('refuses a wrong password and says who was refused', async () => {
      assert.equal(bench.settings.credentials.method, 'password');
      const other = bench.reached({ credentials: { ...bench.settings.credentials, password: 'not-the-password' } });
      const error = await failure(other.getProjectId(), 'AuthenticationFailed');
      assert.equal(error.status, 401);
      assert.equal(error.retryable, false);
      assert.match(error.message, /cannot sign in .* as user .* requires authentication/);
      assert.doesNotMatch(error.message, /not-the-password/);
      assert.match(error.requestId ?? '', /^req-/);
    });

    it('refuses a project that does not exist', async () => {
      const other = bench.reached({ project: { name: bench.name('project'), domain: { id: 'default' } } });
      await failure(other.getProjectId(), 'AuthenticationFailed');
    });

    it('has compute, image and network in its catalogue, and says so of a region that it has not', async () => {
      const other = bench.reached({ region: 'no-such-region' });
      const error = await failure(other.image.listImages(), 'NotFound');
      assert.match(error.message, /no public endpoint of type image in region no-such-region: it has .*public in/);
    });
  });
}
