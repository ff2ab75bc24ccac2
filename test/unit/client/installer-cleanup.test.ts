import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageFactoryClient } from '../../../src/client/connection.js';
import { findInstallerCleanup } from '../../../src/client/installer-cleanup.js';
import type { BuildStatus } from '../../../src/domain/status.js';

/** What Temporal and the worker say about the run at one read. Without `status`, the worker does not answer in time. */
interface Read {
  execution: 'RUNNING' | 'CANCELED' | 'COMPLETED';
  status?: Partial<BuildStatus>;
}

/** A client of a Temporal that has an installer run. The last read is repeated. */
function clientOfInstallerRun(...reads: [Read, ...Read[]]): ImageFactoryClient {
  let now = reads[0];
  const handle = {
    describe: async () => {
      now = reads.shift() ?? now;
      return { status: { name: now.execution } };
    },
    query: async () => {
      if (now.status === undefined) throw new Error('the query timed out');
      return now.status;
    },
  };
  return {
    temporal: { workflow: { getHandle: () => handle } },
    withTimeout: (call: () => Promise<unknown>) => call(),
  } as unknown as ImageFactoryClient;
}

/** A build that was canceled while it waited for the installer run. */
const CANCELED = { jeosWorkflowId: 'jeos_image-j', steps: [{ name: 'jeos', state: 'failed' }] } as BuildStatus;
const REMOVED = { cancelRequestedAt: 1, removed: ['instance i'], leftovers: [] };

describe('the clean-up of the installer run that a canceled build has left', () => {
  it('waits for a busy worker, while the run cleans up and after it has ended', async () => {
    const client = clientOfInstallerRun(
      { execution: 'RUNNING' },
      { execution: 'RUNNING', status: { cancelRequestedAt: 1 } },
      { execution: 'CANCELED' },
      { execution: 'CANCELED', status: REMOVED },
    );
    const cleanup = await findInstallerCleanup(client, CANCELED);
    assert.deepEqual(cleanup, { workflowId: 'jeos_image-j', goesOn: false, removed: ['instance i'], leftovers: [] });
  });

  it('says that the run goes on only when the run itself says that nothing has cancelled it', async () => {
    const client = clientOfInstallerRun({ execution: 'RUNNING' }, { execution: 'RUNNING', status: {} });
    const cleanup = await findInstallerCleanup(client, CANCELED);
    assert.deepEqual(cleanup, { workflowId: 'jeos_image-j', goesOn: true, removed: [], leftovers: [] });
  });

  it('says nothing when the run has made its JEOS', async () => {
    assert.equal(await findInstallerCleanup(clientOfInstallerRun({ execution: 'COMPLETED' }), CANCELED), undefined);
  });
});
