import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { listScenarios } from '../../scripts/histories/scenarios.js';
import { testBundle } from '../support/bundle.js';

Runtime.install({ logger: new DefaultLogger('ERROR') });

/** Histories that real runs have left: `npm run histories` records them anew, which is a decision and not a routine. */
const FOLDER = fileURLToPath(new URL('../histories/', import.meta.url));

describe('recorded histories', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

  it('are there for every way that a lifecycle can go, and for no other', () => {
    const names = files.map((name) => basename(name, '.json'));
    assert.deepEqual(
      names.sort(),
      listScenarios()
        .map(({ name }) => name)
        .sort(),
    );
  });

  for (const file of files) {
    it(`the code of today goes the way of ${basename(file, '.json')}`, async () => {
      const history: unknown = JSON.parse(readFileSync(new URL(file, `file://${FOLDER}`), 'utf8'));
      await Worker.runReplayHistory({ workflowBundle: { codePath: await testBundle() } }, history);
    });
  }
});
