import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { removeLeftovers } from '../../../../src/activities/sweep/remove-leftovers.js';
import type { Removal } from '../../../../src/domain/sweep.js';
import { FileStore } from '../../../../src/store/file-store.js';

const DOCUMENTS = '4cc3b024-5fe7-4b0b-934b-c5d463b990b0';
const RESOURCE = { kind: 'image', id: 'i', name: 'jeos', workflows: ['jeos'], documents: DOCUMENTS } as const;

describe('the removal of the documents of a JEOS', () => {
  let parent: string;
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'leftovers-'));
  });
  after(() => rm(parent, { recursive: true }));

  /**
   * Removes the documents of a JEOS whose image is gone, while a build starts an installer's run: just before check
   * number `startsAt` of the run, it starts, with documents as `starter` writes them.
   */
  async function remove(startsAt: number, starter: 'before' | 'before and after'): Promise<(string | undefined)[]> {
    const store = new FileStore(join(parent, `${startsAt} ${starter}`));
    const write = async (): Promise<void> => {
      await store.writeDocument(DOCUMENTS, 'template.tdl', 'new');
      await store.writeDocument(DOCUMENTS, 'parameters.json', 'new');
    };
    await store.writeDocument(DOCUMENTS, 'installer.console', 'old');
    await store.writeDocument(DOCUMENTS, 'template.tdl', 'old');
    let checks = 0;
    const describe = async (): Promise<{ status: { name: string } }> => {
      checks++;
      if (checks === startsAt) await write();
      return { status: { name: checks >= startsAt ? 'RUNNING' : 'COMPLETED' } };
    };
    const deps = {
      store,
      temporal: { workflow: { getHandle: () => ({ describe }) } },
      clouds: { get: () => ({ image: { getImage: async () => undefined } }) },
      pollInterval: 1,
    } as unknown as Deps;
    const removal = { resources: [RESOURCE], workflows: [] } as unknown as Removal;
    await new MockActivityEnvironment().run(async () => {
      assert.deepEqual((await removeLeftovers(deps, { cloud: 'c', removal })).failed, []);
    });
    if (starter === 'before and after') await write();
    return Promise.all(
      ['installer.console', 'template.tdl', 'parameters.json'].map(async (name) =>
        (await store.readDocument(DOCUMENTS, name))?.toString(),
      ),
    );
  }

  it('removes them when no run installs the JEOS', async () => {
    assert.deepEqual(await remove(Infinity, 'before'), [undefined, undefined, undefined]);
  });

  it('keeps them when a run is running at the first check', async () => {
    assert.deepEqual(await remove(1, 'before'), ['old', 'new', 'new']);
  });

  it('loses none when a run starts between the check and the removal', async () => {
    assert.deepEqual(await remove(2, 'before'), ['old', 'new', 'new']);
  });

  it('leaves those that the starter writes after the start, when the run starts after the last check', async () => {
    assert.deepEqual(await remove(3, 'before and after'), [undefined, 'new', 'new']);
  });
});
