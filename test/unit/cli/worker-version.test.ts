import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveSettings } from '../../../src/cli/config.js';
import { UsageError } from '../../../src/cli/errors.js';
import { parseDeploymentVersion } from '../../../src/cli/worker-version.js';

describe('the deployment version of a worker', () => {
  it('is none unless a build id is given', () => {
    assert.equal(parseDeploymentVersion(resolveSettings({}, {}, {})), undefined);
  });

  it('is the build id in a deployment that is named like the task queue, or as told', () => {
    const named = { deploymentName: 'images', buildId: '0.2.0' };
    assert.deepEqual(
      parseDeploymentVersion(resolveSettings({ 'build-id': '0.2.0', 'task-queue': 'images' }, {}, {})),
      named,
    );
    assert.deepEqual(
      parseDeploymentVersion(resolveSettings({ 'build-id': '0.2.0', deployment: 'images' }, {}, {})),
      named,
    );
  });

  it('comes from the command line, else from what Temporal’s controller sets, else from the file', () => {
    const env = { TEMPORAL_DEPLOYMENT_NAME: 'site/images', TEMPORAL_WORKER_BUILD_ID: 'env' };
    const file = { deployment: 'file', build_id: 'file' };
    const { deployment, buildId } = resolveSettings({}, {}, file);
    assert.deepEqual({ deployment, buildId }, { deployment: 'file', buildId: 'file' });
    assert.deepEqual(parseDeploymentVersion(resolveSettings({}, env, file)), {
      deploymentName: 'site/images',
      buildId: 'env',
    });
    assert.deepEqual(parseDeploymentVersion(resolveSettings({ 'build-id': 'option' }, env, file)), {
      deploymentName: 'site/images',
      buildId: 'option',
    });
  });

  it('is refused where it lacks the build id, or Temporal would refuse a name', () => {
    const wrong: [Record<string, string>, RegExp][] = [
      [{ deployment: 'images' }, /needs a build id/],
      [{ 'build-id': '1', 'task-queue': 'images.example.org' }, /"images\.example\.org" cannot be a deployment’s name/],
      [{ 'build-id': '1', deployment: 'a:b' }, /cannot be a deployment’s name/],
      [{ 'build-id': '__1' }, /does not begin with "__"/],
    ];
    for (const [options, message] of wrong) {
      assert.throws(
        () => parseDeploymentVersion(resolveSettings(options, {}, {})),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    }
  });
});
