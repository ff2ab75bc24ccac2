import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { loadBuild } from '../../../../src/activities/shared/build-documents.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import { parseParameters } from '../../../../src/domain/parameters.js';
import { templateText } from '../../tdl/support.js';

for (const encoding of ['ISO-8859-1', 'windows-1252', 'UTF-16', 'klingon']) {
  it(`a template that declares ${encoding} is read from the store as UTF-8, because the plan stored it as UTF-8`, async () => {
    const rest = '<files><file name="/etc/motd">Grüße</file></files>';
    const stored = `<?xml version="1.0" encoding="${encoding}"?>${templateText({ rest })}`;
    const deps = { store: { readDocument: async () => Buffer.from(stored, 'utf8') } } as unknown as Deps;
    const { files } = await loadBuild(deps, 'u').template();
    assert.deepEqual(files, [{ name: '/etc/motd', content: { type: 'raw', text: 'Grüße' } }]);
  });
}

describe('the documents of a build', () => {
  function storeOf(documents: Record<string, string>): { deps: Deps; reads: string[] } {
    const reads: string[] = [];
    const readDocument = async (_uuid: string, name: string): Promise<Buffer | undefined> => {
      reads.push(name);
      const text = documents[name];
      return text === undefined ? undefined : Buffer.from(text, 'utf8');
    };
    return { deps: { store: { readDocument, directory: '/store' } } as unknown as Deps, reads };
  }

  it('are read only once each, however many values are computed from them', async () => {
    const { deps, reads } = storeOf({
      'template.tdl': templateText(),
      install_script: 'a script',
      'parameters.json': JSON.stringify(parseParameters({})),
    });
    const build = loadBuild(deps, 'u');
    assert.deepEqual(reads, []);
    await Promise.all([build.installerPlan(), build.profile()]);
    assert.equal((await build.installScript()).toString(), 'a script');
    assert.equal(await build.installerPlan(), await build.installerPlan());
    assert.deepEqual(reads.sort(), ['install_script', 'parameters.json', 'template.tdl']);
  });

  it('are reported by name and store when one is missing', async () => {
    await assert.rejects(loadBuild(storeOf({}).deps, 'u').parameters(), (error: unknown) => {
      assert.ok(error instanceof FactoryError);
      assert.equal(error.type, 'StoreFailed');
      assert.equal(error.message, 'the store of this worker (/store) has no parameters.json of build u');
      return true;
    });
  });
});
