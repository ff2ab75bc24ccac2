import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SEARCH_ATTRIBUTES } from '../../../src/domain/search-attributes.js';
import { readComposeArguments, toLocalArguments } from '../../../src/cli/dev-server/dev-server.js';

describe('temporal-dev.yaml', () => {
  it('declares exactly the search attributes of the code, with their types', async () => {
    const declared = (await readComposeArguments()).filter((argument) => argument.startsWith('--search-attribute='));
    const wanted = Object.values(SEARCH_ATTRIBUTES).map(
      ({ name, type }) => `--search-attribute=${name}=${type === 'KEYWORD' ? 'Keyword' : type}`,
    );
    assert.deepEqual(declared.sort(), wanted.sort());
    assert.ok(declared.length <= 10, 'an SQL visibility store has room for ten search attributes of type Keyword');
  });

  it('gives the local Temporal program the same arguments, but with the loopback address and a database in our folder', async () => {
    const args = await readComposeArguments();
    const local = toLocalArguments(args, { directory: '/d', port: 1, uiPort: 2 });
    assert.equal(local.length, args.length);
    for (const wanted of ['--ip=127.0.0.1', '--port=1', '--ui-port=2', '--db-filename=/d/temporal.db'])
      assert.ok(local.includes(wanted), wanted);
    assert.deepEqual(
      local.filter((argument) => argument.includes('search-attribute')),
      args.filter((argument) => argument.includes('search-attribute')),
    );
  });
});
