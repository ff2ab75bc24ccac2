import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { listScenarios } from '../../scripts/histories/scenarios.js';
import { testBundle } from '../support/bundle.js';

Runtime.install({ logger: new DefaultLogger('ERROR') });

/**
 * Folder of the histories that were recorded from real runs. `npm run histories` records them again. Do that only when
 * a workflow has changed on purpose.
 */
const FOLDER = fileURLToPath(new URL('../histories/', import.meta.url));

describe('recorded histories', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

  it('exist for every scenario, and for nothing else', () => {
    const names = files.map((name) => basename(name, '.json'));
    assert.deepEqual(
      names.sort(),
      listScenarios()
        .map(({ name }) => name)
        .sort(),
    );
  });

  for (const file of files) {
    it(`today’s code replays ${basename(file, '.json')}`, async () => {
      const history: unknown = JSON.parse(readFileSync(new URL(file, `file://${FOLDER}`), 'utf8'));
      await Worker.runReplayHistory({ workflowBundle: { codePath: await testBundle() } }, history);
    });
  }
});
