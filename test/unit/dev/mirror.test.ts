import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Mirror, type MirrorOptions } from '../../../dev/installer-tree/mirror.js';

const MODIFIED = new Date('2026-01-02T03:04:05Z');

interface Setup {
  /** Base URL of the mirror. */
  url: string;
  tree: string;
  /** Requests that reached the upstream archive: method and path. */
  asked: string[];
}

type Archive = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Starts a mirror with an empty tree and cache. Its upstream archive is a local server that answers with `archive`. */
async function startSetup(
  t: TestContext,
  archive: Archive,
  options: Pick<MirrorOptions, 'indexAgeMs' | 'archiveComponents'> = {},
): Promise<Setup> {
  const folder = await mkdtemp(join(tmpdir(), 'mirror-'));
  const asked: string[] = [];
  const upstream = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    void archive(request, response);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  const tree = join(folder, 'tree');
  const mirror = new Mirror({
    tree,
    cache: join(folder, 'cache'),
    archives: { debian: `http://127.0.0.1:${port}/upstream` },
    ...options,
  });
  const url = await mirror.start(0, '127.0.0.1');
  t.after(async () => {
    await mirror.stop();
    upstream.closeAllConnections();
    await new Promise((resolve) => upstream.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });
  return { url, tree, asked };
}

async function putInTree(setup: Setup, path: string, text: string): Promise<void> {
  const file = join(setup.tree, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await utimes(file, MODIFIED, MODIFIED);
}

/** Answers for an archive in which each file contains its own path; supports If-Modified-Since. */
function pathsAsText(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('last-modified', MODIFIED.toUTCString());
  if (request.headers['if-modified-since'] === MODIFIED.toUTCString()) response.writeHead(304).end();
  else response.end(request.url);
}

describe('the mirror of the installer tree', () => {
  it('serves the files of the tree without asking the archive', async (t) => {
    const setup = await startSetup(t, pathsAsText);
    await putInTree(setup, 'debian/dists/ours/Release', 'our release');
    const response = await fetch(`${setup.url}/debian/dists/ours/Release`);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), 'our release');
    assert.deepEqual(setup.asked, []);
  });

  it('fetches a path that is not in the tree from the archive, and keeps a copy', async (t) => {
    const setup = await startSetup(t, pathsAsText);
    for (const attempt of [1, 2]) {
      const response = await fetch(`${setup.url}/debian/pool/main/h/hello_2.10-3+b1_amd64.deb`);
      assert.equal(await response.text(), '/upstream/pool/main/h/hello_2.10-3%2Bb1_amd64.deb', `attempt ${attempt}`);
    }
    assert.equal(setup.asked.length, 1);
  });

  it('lets concurrent requests for one file share one download', async (t) => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let arrived = (): void => undefined;
    const firstArrived = new Promise<void>((resolve) => (arrived = resolve));
    const setup = await startSetup(t, async (request, response) => {
      arrived();
      await gate;
      pathsAsText(request, response);
    });
    const answers = Array.from({ length: 5 }, () => fetch(`${setup.url}/debian/pool/a.deb`).then((r) => r.text()));
    await firstArrived;
    open();
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['/upstream/pool/a.deb']));
    assert.equal(setup.asked.length, 1);
  });

  it('requests an index again with If-Modified-Since when its copy is old, and not before', async (t) => {
    const young = await startSetup(t, pathsAsText, { indexAgeMs: 3_600_000 });
    const old = await startSetup(t, pathsAsText, { indexAgeMs: 0 });
    for (const setup of [young, old]) {
      for (let i = 0; i < 2; i++) {
        const response = await fetch(`${setup.url}/debian/dists/stable/Release`);
        assert.equal(await response.text(), '/upstream/dists/stable/Release');
        assert.equal(response.headers.get('last-modified'), MODIFIED.toUTCString());
      }
    }
    assert.equal(young.asked.length, 1);
    assert.equal(old.asked.length, 2);
  });

  it('keeps the date of an unchanged index when the archive sends no Last-Modified', async (t) => {
    let text = 'one';
    const setup = await startSetup(t, (_request, response) => void response.end(text), { indexAgeMs: 0 });
    const ask = (headers: Record<string, string> = {}) =>
      fetch(`${setup.url}/debian/dists/stable/Release`, { headers });
    const date = (await ask()).headers.get('last-modified') ?? '';
    assert.equal((await ask({ 'if-modified-since': date })).status, 304);
    text = 'two';
    assert.equal(await (await ask()).text(), 'two');
    assert.equal(setup.asked.length, 3);
  });

  it('serves its copy of an index when the archive fails', async (t) => {
    let broken = false;
    const setup = await startSetup(
      t,
      (request, response) => (broken ? void response.destroy() : pathsAsText(request, response)),
      { indexAgeMs: 0 },
    );
    await (await fetch(`${setup.url}/debian/dists/stable/Release`)).text();
    broken = true;
    const response = await fetch(`${setup.url}/debian/dists/stable/Release`);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '/upstream/dists/stable/Release');
  });

  it('answers 404 to installer components that are not in the tree, and to paths outside the archives', async (t) => {
    const setup = await startSetup(t, pathsAsText);
    for (const path of [
      '/debian/pool/main/p/partman_1_all.udeb',
      '/ubuntu/dists/x',
      '/',
      '/debian/',
      '/debian/pool/',
    ]) {
      assert.equal((await fetch(setup.url + path)).status, 404, path);
    }
    assert.deepEqual(setup.asked, []);
  });

  it("passes the archive's installer components through when archiveComponents is set", async (t) => {
    const setup = await startSetup(t, pathsAsText, { archiveComponents: true });
    const response = await fetch(`${setup.url}/debian/pool/main/p/partman_1_all.udeb`);
    assert.equal(await response.text(), '/upstream/pool/main/p/partman_1_all.udeb');
  });

  it("passes on the archive's 404, and answers 502 when the archive cannot be reached", async (t) => {
    const setup = await startSetup(t, (request, response) => {
      if (request.url?.includes('absent')) response.writeHead(404).end('no such file');
      else response.destroy();
    });
    assert.equal((await fetch(`${setup.url}/debian/pool/absent.deb`)).status, 404);
    assert.equal((await fetch(`${setup.url}/debian/pool/broken.deb`)).status, 502);
  });

  it('does not keep a download that was cut off', async (t) => {
    let cut = true;
    const setup = await startSetup(t, (request, response) => {
      if (!cut) return pathsAsText(request, response);
      response.writeHead(200, { 'content-length': 1000 });
      response.write('half', () => response.destroy());
    });
    assert.equal((await fetch(`${setup.url}/debian/pool/a.deb`)).status, 502);
    cut = false;
    assert.equal(await (await fetch(`${setup.url}/debian/pool/a.deb`)).text(), '/upstream/pool/a.deb');
  });

  it('answers HEAD, If-Modified-Since and byte ranges', async (t) => {
    const setup = await startSetup(t, pathsAsText);
    await putInTree(setup, 'file', '0123456789');
    const ask = (headers: Record<string, string>, method = 'GET') => fetch(`${setup.url}/file`, { method, headers });

    const head = await ask({}, 'HEAD');
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '10', '']);
    assert.equal((await ask({ 'if-modified-since': MODIFIED.toUTCString() })).status, 304);
    assert.equal((await ask({ 'if-modified-since': new Date(0).toUTCString() })).status, 200);

    const part = await ask({ range: 'bytes=2-4' });
    assert.deepEqual([part.status, part.headers.get('content-range'), await part.text()], [206, 'bytes 2-4/10', '234']);
    assert.equal(await (await ask({ range: 'bytes=7-' })).text(), '789');
    assert.equal(await (await ask({ range: 'bytes=-2' })).text(), '89');
    assert.equal((await ask({ range: 'bytes=10-' })).status, 416);
    const changed = await ask({ range: 'bytes=2-4', 'if-range': new Date(0).toUTCString() });
    assert.deepEqual([changed.status, await changed.text()], [200, '0123456789']);
  });

  it('refuses POST requests, and paths that lead out of the tree', async (t) => {
    const setup = await startSetup(t, pathsAsText);
    assert.equal((await fetch(`${setup.url}/debian/x`, { method: 'POST', body: 'x' })).status, 405);
    for (const path of ['/debian/..%2f..%2fetc/passwd', '/debian/%00', '/debian/%']) {
      assert.equal((await fetch(setup.url + path)).status, 400, path);
    }
  });
});
