import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('../../../dev/openstack/libexec/oslo-service', import.meta.url));

/** A service, and an oslo.service whose launcher has the parameters of the real one. */
const MODULES = {
  'oslo_service/__init__.py': [],
  'oslo_service/service.py': [
    'import sys',
    "assert 'stack.cmd.api' in sys.modules, 'the service must be imported first'",
    'class ProcessLauncher(object):',
    "    def __init__(self, conf, wait_interval=0.01, restart_method='reload'):",
    '        self.settings = [wait_interval, restart_method]',
  ],
  'stack/cmd/api.py': [
    'import json, sys',
    'def main():',
    '    from oslo_service.service import ProcessLauncher',
    '    print(json.dumps([sys.argv, ProcessLauncher(None).settings]))',
    '    return 7',
  ],
};

describe("the single-node cloud's oslo-service", { skip: !existsSync('/usr/bin/python3') }, () => {
  it('runs the service with its own arguments, and its parent looks for its workers once a second', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'oslo-service-'));
    t.after(() => rm(folder, { recursive: true }));
    for (const [name, lines] of Object.entries(MODULES)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), `${lines.join('\n')}\n`);
    }
    const env = { ...process.env, PYTHONPATH: folder };
    const ended = promisify(execFile)(PROGRAM, ['stack-api', '--config-file', 'stack.conf'], { env });
    await assert.rejects(ended, ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => {
      assert.equal(stderr, '');
      assert.deepEqual(JSON.parse(stdout), [
        ['stack-api', '--config-file', 'stack.conf'],
        [1, 'reload'],
      ]);
      assert.equal(code, 7, 'the exit code of the service');
      return true;
    });
  });
});
