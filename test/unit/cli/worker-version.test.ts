import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveSettings } from '../../../src/cli/config.js';
import { UsageError } from '../../../src/cli/errors.js';
import { parseDeploymentVersion } from '../../../src/cli/worker-version.js';

describe('the deployment version of a worker', () => {
  it('is undefined unless a build id is given', () => {
    assert.equal(parseDeploymentVersion(resolveSettings({}, {}, {})), undefined);
  });

  it('has the build id, and as deployment name the deployment option or else the task queue', () => {
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

  it('comes from the command line, else from the variables of Temporal’s controller, else from the configuration file', () => {
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

  it('is refused when the build id is missing, or when Temporal would refuse a name', () => {
    const wrong: [Record<string, string>, RegExp][] = [
      [{ deployment: 'images' }, /needs a build id/],
      [
        { 'build-id': '1', 'task-queue': 'images.example.org' },
        /"images\.example\.org" is not a valid deployment name/,
      ],
      [{ 'build-id': '1', deployment: 'a:b' }, /is not a valid deployment name/],
      [{ 'build-id': '__1' }, /must not begin with "__"/],
    ];
    for (const [options, message] of wrong) {
      assert.throws(
        () => parseDeploymentVersion(resolveSettings(options, {}, {})),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    }
  });
});
