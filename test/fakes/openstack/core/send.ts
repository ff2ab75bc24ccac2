import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FaultKind } from './faults.js';
import type { Reply } from './http.js';

/** Sends a reply. The fault may truncate the reply's body or send it slowly. */
export async function sendReply(
  response: ServerResponse,
  reply: Reply,
  fault: FaultKind | undefined,
  wait: (ms: number) => Promise<void>,
): Promise<void> {
  const { body, headers } = buildBody(reply);
  response.writeHead(reply.status, { ...reply.headers, ...headers });
  if (response.req.method === 'HEAD') return void response.end();
  const source = Buffer.isBuffer(body) ? Readable.from([body]) : body;
  if (source === undefined) return void response.end();
  if (fault?.kind === 'truncated-body') return sendTruncated(response, source, fault.bytes);
  if (fault?.kind === 'slow-body') return sendSlowly(response, source, fault, wait);
  if (fault?.kind === 'flipped-body') return pipeline(flipBit(source), response);
  if (Buffer.isBuffer(body)) return void response.end(body);
  await pipeline(source, response);
}

function buildBody(reply: Reply): { body: Buffer | Readable | undefined; headers: Record<string, string> } {
  if (reply.stream !== undefined) return { body: reply.stream, headers: {} };
  const text = reply.json === undefined ? reply.html : JSON.stringify(reply.json);
  const body = text === undefined ? undefined : Buffer.from(text);
  const type =
    reply.json === undefined ? 'text/html; charset=UTF-8' : (reply.headers?.['content-type'] ?? 'application/json');
  if (reply.status === 204) return { body: undefined, headers: { 'content-type': type } };
  return { body, headers: { 'content-type': type, 'content-length': String(body?.length ?? 0) } };
}

async function* flipBit(source: Readable): AsyncGenerator<Buffer> {
  let first = true;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    if (first) chunk.writeUInt8(chunk.readUInt8(0) ^ 1, 0);
    first = false;
    yield chunk;
  }
}

async function sendTruncated(response: ServerResponse, source: Readable, bytes: number): Promise<void> {
  let left = bytes;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    const part = chunk.subarray(0, left);
    left -= part.length;
    await new Promise((resolve) => response.write(part, resolve));
    if (left <= 0) break;
  }
  source.destroy();
  response.socket?.destroy();
}

async function sendSlowly(
  response: ServerResponse,
  source: Readable,
  { bytes, ms }: { bytes: number; ms: number },
  wait: (ms: number) => Promise<void>,
): Promise<void> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    for (let offset = 0; offset < chunk.length; offset += bytes) {
      if (response.destroyed) return void source.destroy();
      response.write(chunk.subarray(offset, offset + bytes));
      await wait(ms);
    }
  }
  response.end();
}
