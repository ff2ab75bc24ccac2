import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';

const PROJECT = new URL('../../../', import.meta.url);

function read(path: string): string {
  return readFileSync(new URL(path, PROJECT), 'utf8');
}

interface Job {
  strategy?: { matrix: { node?: string[] } };
  steps?: { run?: string }[];
}

function readJobs(file: string): Job[] {
  const { jobs } = parse(read(`.github/workflows/${file}`)) as { jobs: Record<string, Job> };
  return Object.values(jobs);
}

describe('the workflows of .github', () => {
  it('run the checks on the lowest Node version in package.json and on the version in .nvmrc', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const nodes = readJobs('ci.yml').flatMap(({ strategy }) => strategy?.matrix.node ?? []);
    assert.deepEqual(nodes, [engines.node.replace('>=', ''), read('.nvmrc').trim()]);
  });

  for (const file of ['ci.yml', 'release.yml']) {
    it(`call only targets that the Makefile has: ${file}`, () => {
      const runs = readJobs(file).flatMap(({ steps = [] }) => steps.map(({ run = '' }) => run));
      const targets = runs.flatMap((run) => /^make ([a-z-]+)/.exec(run)?.[1] ?? []);
      assert.notDeepEqual(targets, []);
      for (const target of targets) assert.match(read('Makefile'), new RegExp(`^${target}:`, 'm'));
    });
  }
});
