import assert from 'node:assert/strict';
import dns from 'node:dns';
import type { RequestListener } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, describe, it, mock } from 'node:test';
import { AddressPolicy } from '../../../src/media/addresses.js';
import { fetchValidators } from '../../../src/media/head.js';
import { fetchText } from '../../../src/media/text.js';
import { FtpServer } from '../../support/ftp-server.js';
import { LOOPBACK, serve } from './server.js';

const DENIED = [
  ...['0.0.0.0', '0.1.2.3', '127.0.0.1', '127.255.255.255', '169.254.0.1', '169.254.169.254', '224.0.0.1'],
  ...['255.255.255.255', '100.100.100.200', '192.0.0.192', '168.63.129.16'],
  ...['::', '::1', 'fe80::1', 'febf::1', 'fe80::1%eth0', 'ff02::1', 'fd00:ec2::254', 'fd20:ce::254'],
  ...['::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '::127.0.0.1', '::ffff:0:169.254.169.254', '::ffff:0.0.0.0'],
  ...['64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::127.0.0.1', '2002:7f00:1::', '2002:a9fe:a9fe::1'],
];
const OPEN = [
  ...['10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '128.0.0.1', '169.253.1.1', '192.0.2.1'],
  ...['2001:db8::1', 'fd00::1', 'fc00::1', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1', '2002:0a00:1::'],
];

/** Serves on the same port of two addresses. Tries again when another program has the port on the second address. */
async function serveOnBoth(
  first: [host: string, listener: RequestListener],
  second: [host: string, listener: RequestListener],
): Promise<{ port: number; [Symbol.asyncDispose](): Promise<void> }> {
  for (;;) {
    const one = await serve(first[1], { host: first[0] });
    try {
      const other = await serve(second[1], { host: second[0], port: one.port });
      return {
        port: one.port,
        async [Symbol.asyncDispose]() {
          await Promise.all([one[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
        },
      };
    } catch (error) {
      await one[Symbol.asyncDispose]();
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

/** Makes every name resolve to these addresses. @returns the names that were resolved */
function resolveNamesTo(...addresses: string[]): string[] {
  const asked: string[] = [];
  const lookup = (host: string, _options: object, callback: (error: null, found: object[]) => void): void => {
    asked.push(host);
    callback(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))); // prettier-ignore
  };
  mock.method(dns, 'lookup', lookup as unknown as typeof dns.lookup);
  syncBuiltinESMExports();
  return asked;
}

describe('the addresses to which the worker connects for a template', () => {
  afterEach(() => {
    mock.restoreAll();
    syncBuiltinESMExports();
  });

  it('are none of loopback, link-local, metadata, multicast and broadcast, in none of their forms', () => {
    const policy = new AddressPolicy();
    assert.deepEqual(
      DENIED.filter((address) => !policy.isDenied(address)),
      [],
    );
    assert.deepEqual(
      OPEN.filter((address) => policy.isDenied(address)),
      [],
    );
  });

  it('are also those that the operator opens, in all of their forms', () => {
    const policy = new AddressPolicy(['127.0.0.0/8', ' ::1 ', '169.254.169.254']);
    const opened = ['127.1.2.3', '::1', '169.254.169.254', '::ffff:127.0.0.1', '2002:7f00:1::', '64:ff9b::a9fe:a9fe'];
    assert.deepEqual(
      opened.filter((address) => policy.isDenied(address)),
      [],
    );
    assert.ok(policy.isDenied('169.254.169.253'));
    assert.ok(policy.isDenied('::'));
  });

  it('cannot be opened by a text that is no range of addresses', () => {
    for (const range of ['', 'localhost', '127.0.0.0/33', '::1/129', '127.0.0.1/8/8', '127.0.0.1/x', 'fe80::1%eth0']) {
      assert.throws(() => new AddressPolicy([range]), { type: 'InvalidParameter', message: /is not a range/ }, range);
    }
  });

  it('are checked for a host that is written as an address, in every notation', async () => {
    await using server = await serve((_request, response) => void response.end('secret'));
    await using ftp = await FtpServer.start();
    const [port, ftpPort] = [new URL(server.url).port, new URL(ftp.url).port];
    const hosts = ['127.0.0.1', '127.1', '0x7f.1', '2130706433', '0177.0.0.1', '127.0.0.1.', '１２７.0.0.1', '0'];
    const names = [
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[64:ff9b::7f00:1]',
      'localhost',
      'LOCALHOST.',
      'a.localhost',
    ];
    for (const host of [...hosts, ...names]) {
      for (const url of [
        `http://${host}:${port}/x?token=t`,
        `https://${host}:${port}/x`,
        `ftp://${host}:${ftpPort}/x`,
      ]) {
        await assert.rejects(fetchText(url), (error: Error & { retryable: boolean; hint: string }) => {
          assert.match(error.message, /^cannot fetch (https?|ftp):\/\/.+: templates may not use loopback, /, url);
          assert.doesNotMatch(error.message, /token|secret/);
          assert.match(error.hint, /--allow-address CIDR \(allow_addresses, IMAGEFACTORY_ALLOW_ADDRESSES\)/);
          return !error.retryable;
        });
        await assert.rejects(fetchValidators(url), { type: 'MediaUnavailable', retryable: false });
      }
    }
    assert.deepEqual([server.requests, ftp.commands], [[], []]);
  });

  it('are checked for a name when the socket connects, by the only resolution of the name', async () => {
    await using server = await serve((_request, response) => void response.end('secret'));
    await using ftp = await FtpServer.start();
    const asked = resolveNamesTo('127.0.0.1', '::1');
    for (const url of [server.url, ftp.url].map((known) => known.replace('127.0.0.1', 'mirror.example'))) {
      await assert.rejects(fetchText(`${url}/x`), {
        type: 'MediaUnavailable',
        retryable: false,
        message: new RegExp(
          `^cannot fetch ${url}/x: mirror.example has the address 127.0.0.1, ::1: templates may not use`,
        ),
      });
    }
    assert.deepEqual(asked, ['mirror.example', 'mirror.example']);
    assert.deepEqual([server.requests, ftp.commands], [[], []]);
  });

  it('are those of a name that are open, if only some of them are', async () => {
    const asked: unknown[] = [];
    await using both = await serveOnBoth(
      ['127.0.0.2', (_request, response) => void response.end('open')],
      ['127.0.0.1', (request) => void asked.push(request)],
    );
    resolveNamesTo('127.0.0.1', '127.0.0.2');
    const access = { addresses: new AddressPolicy(['127.0.0.2']) };
    assert.equal(await fetchText(`http://mirror.example:${both.port}/`, { access }), 'open');
    assert.deepEqual(asked, []);
  });

  it('are checked again after a redirect', async () => {
    await using trap = await serve((_request, response) => void response.end('secret'));
    let location = `${trap.url}/x`;
    await using open = await serve((_request, response) => response.writeHead(302, { location }).end('secret'), {
      host: '127.0.0.2',
    });
    const access = { addresses: new AddressPolicy(['127.0.0.2']) };
    const url = `${open.url}/`;
    const refused = { type: 'MediaUnavailable', retryable: false };
    await assert.rejects(fetchText(url, { access }), {
      ...refused,
      message: /^cannot fetch http:\/\/127.0.0.1:\d+\/x: templates may/,
    });
    location = location.replace('127.0.0.1', 'mirror.example');
    resolveNamesTo('127.0.0.1');
    await assert.rejects(fetchText(url, { access }), {
      ...refused,
      message: /mirror.example has the address 127.0.0.1: /,
    });
    await assert.rejects(fetchValidators(url, { access }), {
      ...refused,
      message: /mirror.example has the address 127.0.0.1: /,
    });
    assert.deepEqual(trap.requests, []);
  });

  it('are not those that an FTP server names for its data', async () => {
    await using ftp = await FtpServer.start();
    ftp.put('/x', 'text');
    ftp.unknown.add('EPSV');
    ftp.fault('PASV', { reply: '227 Entering Passive Mode (169,254,169,254,0,80).' });
    await assert.rejects(fetchText(`${ftp.url}/x`, { access: LOOPBACK }), /PASV returned another host/);
  });

  it('are not those of a proxy, which the operator has chosen; hosts written as addresses are refused nevertheless', async () => {
    const known = process.env['http_proxy'];
    await using proxy = await serve((_request, response) => void response.end('by the proxy'));
    process.env['http_proxy'] = proxy.url.replace('127.0.0.1', 'localhost');
    try {
      // undici reads http_proxy for each new policy.
      const access = { addresses: new AddressPolicy() };
      assert.equal(await fetchText('http://mirror.example/x', { access }), 'by the proxy');
      await assert.rejects(fetchText('http://169.254.169.254/x', { access }), /templates may not use loopback/);
      assert.equal(proxy.requests.length, 1);
    } finally {
      if (known === undefined) delete process.env['http_proxy'];
      else process.env['http_proxy'] = known;
    }
  });
});
