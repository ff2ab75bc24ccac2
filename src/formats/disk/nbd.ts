import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ByteReader } from '../bytes/content.js';

/* A client of the NBD protocol that reads: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md */

const MAGIC = Buffer.from('NBDMAGICIHAVEOPT', 'latin1');
/** Bytes of the server's greeting, with 2 bytes of flags. */
const GREETING = 18;
const OPTION_MAGIC = MAGIC.subarray(8);
/** Client flags: fixed newstyle, no zeros after the export's data. */
const CLIENT_FLAGS = 3;
const EXPORT_NAME = 1;
/** Bytes of the answer to that option: the size of the export, and 2 bytes of flags. */
const EXPORT_ANSWER = 10;
const REQUEST = { magic: 0x25609513, bytes: 28, read: 0, disconnect: 2 };
const REPLY = { magic: 0x67446698, bytes: 16 };

/** A connection to an NBD server's export without a name. */
export class NbdClient {
  private next = 0n;
  private readonly waiting = new Map<
    bigint,
    { length: number; resolve: (data: Buffer) => void; reject: (error: unknown) => void }
  >();
  private failure: Error | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly replies: ByteReader,
  ) {
    void this.receive();
  }

  /** Connects to a server's socket. @throws Error ENOENT or ECONNREFUSED while there is no server */
  static async connect(path: string): Promise<NbdClient> {
    const socket = connect(path);
    await once(socket, 'connect');
    // The reader of the replies sees every error. A late one must not end the process.
    socket.on('error', () => undefined);
    const replies = new ByteReader(socket as AsyncIterable<Buffer>);
    const greeting = await replies.read(GREETING);
    if (!greeting.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('the server does not speak NBD');
    const hello = Buffer.alloc(20);
    hello.writeUInt32BE(CLIENT_FLAGS);
    OPTION_MAGIC.copy(hello, 4);
    hello.writeUInt32BE(EXPORT_NAME, 12);
    socket.write(hello);
    const answer = await replies.read(EXPORT_ANSWER);
    if (answer.length < EXPORT_ANSWER) throw new Error('the NBD server has no export');
    return new NbdClient(socket, replies);
  }

  /** Reads bytes of the export. Several reads may wait at the same time. */
  read(offset: number, length: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      const handle = this.next++;
      this.waiting.set(handle, { length, resolve, reject });
      this.request(REQUEST.read, handle, offset, length);
    });
  }

  close(): void {
    this.request(REQUEST.disconnect, 0n, 0, 0);
    this.socket.end();
  }

  private request(type: number, handle: bigint, offset: number, length: number): void {
    const request = Buffer.alloc(REQUEST.bytes);
    request.writeUInt32BE(REQUEST.magic);
    request.writeUInt16BE(type, 6);
    request.writeBigUInt64BE(handle, 8);
    request.writeBigUInt64BE(BigInt(offset), 16);
    request.writeUInt32BE(length, 24);
    this.socket.write(request);
  }

  /** Gives each reply to the read that waits for it, until the connection ends. */
  private async receive(): Promise<void> {
    try {
      for (;;) {
        const header = await this.replies.read(REPLY.bytes);
        if (header.length < REPLY.bytes) throw new Error('the NBD server has ended');
        if (header.readUInt32BE(0) !== REPLY.magic) throw new Error('the NBD server sent no reply');
        await this.answer(header.readBigUInt64BE(8), header.readUInt32BE(4));
      }
    } catch (error) {
      this.failure = error as Error;
      for (const { reject } of this.waiting.values()) reject(error);
      this.socket.destroy();
    }
  }

  private async answer(handle: bigint, code: number): Promise<void> {
    const waiting = this.waiting.get(handle);
    if (waiting === undefined) throw new Error('the NBD server sent a reply to no request');
    this.waiting.delete(handle);
    if (code !== 0) return waiting.reject(new Error(`the NBD server answered with error ${code}`));
    const data = await this.replies.read(waiting.length);
    if (data.length === waiting.length) waiting.resolve(data);
    else waiting.reject(new Error('the NBD server has ended'));
  }
}
