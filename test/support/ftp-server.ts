import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { resetConnection } from '../fakes/openstack/core/reset-connection.js';

/**
 * A fault. `reply` alone: the server sends this reply instead of the usual one. `stopAfter`: the transfer stops after
 * this number of bytes, but its connection stays open. `endAfter`: the transfer ends after this number of bytes, and
 * the server sends `reply`.
 */
export type FtpFault = { reply: string } | { stopAfter: number } | { endAfter: number; reply: string };

interface Fault {
  /** The fault affects every command line that begins with this text. */
  command: string;
  fault: FtpFault;
  left: number;
}

/** One client's connection. */
interface Session {
  user: string;
  rest: number;
  /** The server that accepts the data connection of this session. */
  passive?: Server;
  data?: Promise<Socket>;
}

/** An FTP server on the loopback address, for one test. It supports only passive mode. `await using` closes it. */
export class FtpServer {
  /** Every command that the server has received, in order. */
  readonly commands: string[] = [];
  /** Names of commands that the server does not support. A test may add names. */
  readonly unknown = new Set<string>();
  private readonly files = new Map<string, { body: Buffer; modified: string }>();
  private readonly faults: Fault[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly login: { user: string; password: string } | undefined,
  ) {}

  /** @param login the only login that is accepted. Default: every login */
  static async start(login?: { user: string; password: string }): Promise<FtpServer> {
    const server = createServer();
    const ftp = new FtpServer(server, login);
    server.on('connection', (socket) => ftp.serve(socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return ftp;
  }

  /** The URL of the server: `ftp://127.0.0.1:port`. */
  get url(): string {
    return `ftp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Serves a file. @param modified time of the file's last change, as in the reply to MDTM: YYYYMMDDhhmmss in UTC */
  put(path: string, body: Buffer | string, modified = '20261122100000'): void {
    this.files.set(path, { body: Buffer.from(body), modified });
  }

  /** Injects a fault into the next `times` commands that begin with `command`. */
  fault(command: string, fault: FtpFault, times = 1): void {
    this.faults.push({ command, fault, left: times });
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.sockets) resetConnection(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private track(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.on('error', () => undefined).resume();
    return socket.once('close', () => this.sockets.delete(socket));
  }

  private serve(control: Socket): void {
    const session: Session = { user: '', rest: 0 };
    this.track(control).once('close', () => session.passive?.close());
    const greeting = this.takeFault('connect');
    control.write(greeting !== undefined && 'reply' in greeting ? `${greeting.reply}\r\n` : '220 here\r\n');
    let text = '';
    control.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\r\n');
      text = lines.pop() ?? '';
      for (const line of lines) void this.answer(control, session, line);
    });
  }

  private takeFault(line: string): FtpFault | undefined {
    const armed = this.faults.find(({ command, left }) => left > 0 && line.startsWith(command));
    if (armed !== undefined) armed.left--;
    return armed?.fault;
  }

  private async answer(control: Socket, session: Session, line: string): Promise<void> {
    this.commands.push(line);
    const [, name = '', rest = ''] = /^(\S*) ?(.*)$/s.exec(line) ?? [];
    const fault = this.takeFault(line);
    const reply =
      fault !== undefined && 'reply' in fault && !('endAfter' in fault)
        ? fault.reply
        : await this.perform(control, session, this.unknown.has(name) ? '' : name, rest, fault);
    control.write(`${reply}\r\n`);
    if (reply.startsWith('421')) control.end();
  }

  private async perform(
    control: Socket,
    session: Session,
    name: string,
    rest: string,
    fault: FtpFault | undefined,
  ): Promise<string> {
    const file = this.files.get(rest.startsWith('/') ? rest : `/${rest}`);
    switch (name) {
      case 'USER':
        session.user = rest;
        return '331 password?';
      case 'PASS': {
        const { user, password } = this.login ?? { user: session.user, password: rest };
        return user === session.user && password === rest ? '230 in' : '530 Login incorrect.';
      }
      case 'FEAT':
        return `211-Features:\r\n SIZE\r\n MDTM\r\n${this.unknown.has('REST') ? '' : ' REST STREAM\r\n'}211 End`;
      case 'TYPE':
      case 'STRU':
        return '200 ok';
      case 'SIZE':
        return file === undefined ? '550 No such file.' : `213 ${file.body.length}`;
      case 'MDTM':
        return file === undefined ? '550 No such file.' : `213 ${file.modified}`;
      case 'REST':
        session.rest = Number(rest);
        return `350 at ${rest}`;
      case 'EPSV':
      case 'PASV':
        return this.listen(session, name);
      case 'RETR':
        return file === undefined ? '550 No such file.' : this.send(control, session, file.body, fault);
      case 'LIST':
        return this.send(control, session, this.listing(rest.replace(/^-a /, '')), fault);
      case 'QUIT':
        return '221 bye';
      default:
        return '502 not known';
    }
  }

  /** The listing of a folder as `ls -la` writes it; a file whose name ends in `@` is listed as a link. */
  private listing(folder: string): Buffer {
    const inside = folder.endsWith('/') ? folder : `${folder}/`;
    const within = [...this.files].filter(([path]) => path.startsWith(inside));
    const names = new Map(
      within.map(([path, file]) => [path.slice(inside.length).split('/')[0] ?? '', { path, file }]),
    );
    const lines = [...names].map(([name, { path, file }]) => {
      const kind = path !== inside + name ? 'd' : name.endsWith('@') ? 'l' : '-';
      return `${kind}rw-r--r-- 1 ftp ftp ${file.body.length} Nov 22 10:00 ${name}${kind === 'l' ? ' -> /etc' : ''}\r\n`;
    });
    return Buffer.from(lines.join(''));
  }

  private async listen(session: Session, name: string): Promise<string> {
    session.passive?.close();
    const passive = createServer();
    session.passive = passive;
    session.data = new Promise((resolve) => passive.once('connection', (socket) => resolve(this.track(socket))));
    await once(passive.listen(0, '127.0.0.1'), 'listening');
    const { port } = passive.address() as AddressInfo;
    return name === 'EPSV' ? `229 (|||${port}|)` : `227 (127,0,0,1,${port >> 8},${port & 255})`;
  }

  private async send(control: Socket, session: Session, body: Buffer, fault: FtpFault | undefined): Promise<string> {
    const { rest } = session;
    const data = await session.data;
    if (data === undefined) return '425 no data connection';
    control.write('150 coming\r\n');
    session.passive?.close();
    session.rest = 0;
    const closed = new Promise((resolve) => data.once('close', resolve));
    if (fault !== undefined && 'stopAfter' in fault) {
      data.write(body.subarray(rest, rest + fault.stopAfter));
      await closed;
      return '426 Connection closed; transfer aborted.';
    }
    const end = fault !== undefined && 'endAfter' in fault ? fault : undefined;
    data.end(body.subarray(rest, end === undefined ? undefined : rest + end.endAfter));
    await closed;
    return end?.reply ?? '226 done';
  }
}
