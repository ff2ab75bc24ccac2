import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { Imageio, isTicketLost } from '../../../src/providers/ovirt/imageio.js';
import { CLUSTER } from '../../fakes/providers/ovirt/engine.js';
import { FakeImageio } from '../../fakes/providers/ovirt/imageio.js';
import { type ImageioHost, startImageio } from '../../support/counterparts/imageio.js';
import { createOperation } from '../../support/providers/operation.js';
import { type Bench, createBench } from '../../support/providers/ovirt.js';
import { createDisk, createPushedImage } from '../../support/providers/pushed-image.js';

const MIB = 1024 ** 2;
const PART = 4 * MIB;
const run = promisify(execFile);

/** The whole push, against the real imageio and qemu-nbd with TLS. Only the engine is a fake. */
describe('oVirt with the real imageio', () => {
  let host: ImageioHost | string;
  let bench: Bench;

  before(async () => {
    host = await startImageio();
    if (typeof host !== 'string') bench = await createBench({ host, tls: host.tls, ca: host.ca });
  });
  after(async () => {
    await bench?.close();
    if (typeof host !== 'string') await host.close();
  });

  /** Returns the host, or skips the test. */
  function need(context: TestContext): ImageioHost | undefined {
    if (typeof host !== 'string') return host;
    context.skip(host);
    return undefined;
  }

  it('uploads a raw disk, and imageio has its checksum', async (context) => {
    const real = need(context);
    if (real === undefined) return;
    const content = createDisk({ blocks: 41, blockSize: MIB, data: [0, 1, 2, 9, 17, 18, 19, 20, 40] });
    const image = await createPushedImage(bench.folder, content);
    const provider = await bench.connect();
    const uploaded = await provider.upload(createOperation(), image);
    const registered = await provider.register(createOperation(), image, uploaded);
    assert.deepEqual(await readFile(real.pathOf(registered.id)), content);
    // Holes were not sent, and take no place.
    assert.equal(uploaded.sent, 4 * PART + MIB);
    assert.ok((await stat(real.pathOf(registered.id))).blocks * 512 <= 18 * MIB);
    assert.match(uploaded.verifiedBy, /computed by imageio/);
  });

  it('uploads a compressed qcow2 as a disk of the same content, and makes a template', async (context) => {
    const real = need(context);
    if (real === undefined) return;
    const raw = join(bench.folder, 'source.raw');
    await writeFile(raw, createDisk({ blocks: 33, blockSize: MIB, data: [0, 5, 6, 7, 32] }));
    const qcow2 = join(bench.folder, 'source.qcow2');
    await run('qemu-img', ['convert', '-c', '-O', 'qcow2', raw, qcow2]);
    const image = await createPushedImage(bench.folder, await readFile(qcow2), {
      format: 'qcow2',
      virtualSize: 33 * MIB,
      firmware: 'uefi',
    });
    const provider = await bench.connect({ template_cluster: CLUSTER.name });
    const registered = await provider.register(
      createOperation(),
      image,
      await provider.upload(createOperation(), image),
    );
    const [disk = ''] = bench.engine.state.templates.get(registered.id)?.disks ?? [];
    await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', raw, real.pathOf(disk)]);
    assert.equal(bench.engine.state.disks.get(disk)?.format, 'cow');
  });

  it('goes on after a worker was killed in the middle of its parts', async (context) => {
    const real = need(context);
    if (real === undefined) return;
    const data = Array.from({ length: 96 }, (_, index) => index).filter((index) => index < 40 || index > 60);
    const content = createDisk({ blocks: 100, blockSize: MIB, data });
    const image = await createPushedImage(bench.folder, content);
    const stop = new AbortController();
    const first = createOperation({
      signal: stop.signal,
      // Parts are cut in their middle: imageio writes what it has got of them.
      onReport: ({ percent = 0 }) => percent >= 40 && percent < 100 && stop.abort(new Error('killed')),
    });
    await assert.rejects((await bench.connect()).upload(first, image), /killed/);
    const second = createOperation();
    const provider = await bench.connect();
    const uploaded = await provider.upload(second, image);
    const registered = await provider.register(second, image, uploaded);
    assert.deepEqual(await readFile(real.pathOf(registered.id)), content);
    // Parts of zeros are not sent. Of the others, the second attempt leaves out what has arrived, but for 4.
    const parts = new Set(data.map((block) => Math.floor(block / 4))).size;
    assert.ok(uploaded.sent < parts * PART, 'the second attempt sends everything again');
    assert.ok(uploaded.sent >= (parts / 2) * PART - 4 * PART);
  });

  it('refuses parts beyond the end of the disk, and blocks that are not aligned, as the fake does', async (context) => {
    const real = need(context);
    if (real === undefined) return;
    const ticket = { id: randomUUID(), diskId: randomUUID(), size: PART, format: 'raw', sparse: true } as const;
    const imageio = new Imageio(await real.openDisk(ticket), { ca: real.tls.cert });
    const fake = new FakeImageio(() => 'http://fake');
    const fakeUrl = new URL(await fake.openDisk(ticket));
    const put = Buffer.alloc(MIB, 1);
    await assert.rejects(imageio.write(PART, put), { status: 416 });
    const headers = { 'content-length': String(MIB), 'content-range': `bytes ${PART}-${PART + MIB - 1}/*` };
    const call = {
      method: 'PUT',
      path: fakeUrl.pathname,
      query: new URLSearchParams(),
      headers,
      body: put,
      origin: '',
    };
    assert.equal(fake.handle(call).status, 416);
    await assert.rejects(imageio.checksum(MIB + 1), { status: 400 });
    await assert.rejects(imageio.checksum(MIB / 2), { status: 400 });
    await imageio.write(MIB, put);
    await imageio.zero(MIB, MIB / 2);
    await imageio.flush();
    const extents = await imageio.extents();
    assert.deepEqual(
      extents.map(({ start, length, zero }) => ({ start, length, zero })),
      [
        // qemu-img writes the first block of a new raw file, so that programs can find out its size.
        { start: 0, length: 4096, zero: false },
        { start: 4096, length: MIB * 1.5 - 4096, zero: true },
        { start: MIB * 1.5, length: MIB / 2, zero: false },
        { start: MIB * 2, length: MIB * 2, zero: true },
      ],
    );
    await real.closeDisk(ticket.id);
    const lost = await imageio.options().catch((error: unknown) => error);
    assert.ok(isTicketLost(lost), String(lost));
    assert.ok(!String(lost).includes(ticket.id), 'the message names the ticket');
    await imageio.close();
  });

  it('takes a call of OPTIONS for a sign of life', async (context) => {
    const real = need(context);
    if (real === undefined) return;
    const ticket = { id: randomUUID(), diskId: randomUUID(), size: PART, format: 'raw', sparse: true } as const;
    const imageio = new Imageio(await real.openDisk(ticket), { ca: real.tls.cert });
    const { features, max_writers: writers } = await imageio.options();
    assert.deepEqual(features.toSorted(), ['checksum', 'extents', 'flush', 'zero']);
    assert.equal(writers, 8);
    assert.equal((await real.readTicket(ticket.id))?.idle_time, 0);
    await imageio.close();
    await real.closeDisk(ticket.id);
  });

  it('does not trust a certificate that the configuration does not name', async (context) => {
    if (need(context) === undefined) return;
    const provider = await bench.connect({ ca: undefined });
    await assert.rejects(provider.listStaging(createOperation()), { type: 'CloudUnavailable', retryable: false });
  });
});
