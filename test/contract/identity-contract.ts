import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bench, failure } from './bench.js';

/** Declares the tests of authentication and of the catalogue. */
export function describeIdentity(bench: Bench): void {
  describe('identity', () => {
    it('signs in, and returns the id of the project', async () => {
      assert.match(await bench.cloud.getProjectId(), /^[0-9a-f-]{32,36}$/);
    });

    it('finds the Identity API when the URL has no version', async () => {
      const other = bench.reached({ authUrl: bench.settings.authUrl.replace(/\/v3\/?$/, '') });
      assert.equal(await other.getProjectId(), await bench.cloud.getProjectId());
    });

    it('refuses a wrong password, and names the user but not the password', async () => {
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

    it('reports that an unknown region has no endpoint, and lists the endpoints in the catalogue', async () => {
      const other = bench.reached({ region: 'no-such-region' });
      const error = await failure(other.image.listImages(), 'NotFound');
      assert.match(error.message, /no public endpoint of type image in region no-such-region: it has .*public in/);
    });
  });
}
