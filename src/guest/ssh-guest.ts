import type ssh2 from 'ssh2';
import { defined } from '../domain/defined.js';
import { FactoryError } from '../domain/errors.js';
import { OutputTail } from './output-tail.js';
import type { GuestShell } from './guest-shell.js';
import { getShell } from './shells.js';
import { streamOutput } from './stream-output.js';
import type { Guest, GuestAddress, RunOptions, RunResult, StreamOptions } from './types.js';

const DEFAULT_TIMEOUT = 60;
const DEFAULT_MAX_OUTPUT = 65_536;
/** Timeout for writing a file, in seconds. */
const WRITE_TIMEOUT = 600;
/**
 * After its exit status has arrived, a command counts as ended when it prints nothing for this number of milliseconds.
 * We do not wait until the server closes the channel: if the command has started a daemon that keeps the output open,
 * the server never does so.
 */
const SETTLE = 2000;

/** A guest to which we have an open SSH connection. */
export class SshGuest implements Guest {
  readonly shell: GuestShell;
  private readonly lost = new AbortController();

  constructor(
    private readonly client: ssh2.Client,
    private readonly address: GuestAddress,
    signal?: AbortSignal,
  ) {
    this.shell = getShell(address.shell);
    let cause: Error | undefined;
    client.on('error', (error) => {
      cause = error;
    });
    client.once('close', () =>
      this.lost.abort(signal?.aborted === true ? signal.reason : this.connectionLostError(cause)),
    );
  }

  close(): void {
    this.client.end();
  }

  /**
   * @throws FactoryError GuestUnreachable (retryable) when the connection is lost, DeadlineExceeded (retryable) after
   * the timeout; the signal's reason on abort.
   */
  async run(script: string, options: RunOptions = {}): Promise<RunResult> {
    const { signal, timeout = DEFAULT_TIMEOUT, privileged = true } = options;
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      const message = `a command in the guest at ${this.address.host} did not end within ${timeout} s`;
      deadline.abort(new FactoryError('DeadlineExceeded', message, { retryable: true }));
    }, timeout * 1000);
    const stop = AbortSignal.any([this.lost.signal, deadline.signal, ...(signal === undefined ? [] : [signal])]);
    const started = this.shell.buildCommand(script, privileged ? this.address.commandPrefix.trim() : '');
    const input = Buffer.concat([started.preamble, Buffer.from(options.input ?? '')]);
    try {
      stop.throwIfAborted();
      return await this.execute(started.command, stop, (channel) =>
        collectOutput(channel, { ...options, input }, stop, () => this.connectionLostError(undefined)),
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * @throws FactoryError GuestUnreachable (retryable) when the connection is lost, DeadlineExceeded (retryable) when
   * the stream stalls; the signal's reason on abort
   */
  async *stream(script: string, { signal, stall }: StreamOptions): AsyncGenerator<Buffer, RunResult> {
    const { command, preamble: input } = this.shell.buildCommand(script, this.address.commandPrefix.trim());
    const stop = AbortSignal.any([this.lost.signal, ...(signal === undefined ? [] : [signal])]);
    stop.throwIfAborted();
    const stalled = (): FactoryError =>
      new FactoryError('DeadlineExceeded', `the guest at ${this.address.host} has sent nothing for ${stall} s`, {
        retryable: true,
      });
    const lost = (): FactoryError => this.connectionLostError(undefined);
    return yield* await this.execute(command, stop, (channel) =>
      streamOutput(channel, { input, stop, stall, stalled, lost }),
    );
  }

  /** @throws FactoryError CommandFailed when the guest cannot write the file; also the errors of `run`. */
  async writeFile(
    path: string,
    content: Buffer | string,
    options: { mode?: number; signal?: AbortSignal } = {},
  ): Promise<void> {
    const input = typeof content === 'string' ? Buffer.from(content) : content;
    const { mode } = options;
    const script = this.shell.writeFile({ path, size: input.length, ...defined({ mode }) });
    const result = await this.run(script, { input, timeout: WRITE_TIMEOUT, signal: options.signal });
    if (result.exitCode === 0) return;
    const said = result.stderr.trim() || `exit status ${result.exitCode ?? result.signal}`;
    throw new FactoryError('CommandFailed', `cannot write ${path} in the guest: ${said}`);
  }

  /** @param use gets the channel of the command at once */
  private execute<T>(
    command: string,
    stop: AbortSignal,
    use: (channel: ssh2.ClientChannel) => T | Promise<T>,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const aborted = (): void => reject(stop.reason as Error);
      stop.addEventListener('abort', aborted, { once: true });
      this.client.exec(command, (error, channel) => {
        stop.removeEventListener('abort', aborted);
        if (stop.aborted) {
          channel?.close();
          reject(stop.reason as Error);
        } else if (error !== undefined) {
          reject(this.connectionLostError(error));
        } else {
          // We must add the listeners inside the callback: a short command's exit status may come in the same packet as
          // the server's consent, and a later listener would miss the exit status.
          resolve(use(channel));
        }
      });
    });
  }

  private connectionLostError(cause: Error | undefined): FactoryError {
    const why = cause === undefined ? '' : `: ${cause.message}`;
    return new FactoryError('GuestUnreachable', `lost the connection to the guest at ${this.address.host}${why}`, {
      retryable: true,
      cause,
    });
  }
}

/** Sends the command's input, collects its output, and waits for its end. */
function collectOutput(
  channel: ssh2.ClientChannel,
  options: RunOptions,
  stop: AbortSignal,
  lost: () => FactoryError,
): Promise<RunResult> {
  const { input, maxOutput = DEFAULT_MAX_OUTPUT, onOutput } = options;
  const stdout = new OutputTail(maxOutput, (text) => onOutput?.(text, 'stdout'));
  const stderr = new OutputTail(maxOutput, (text) => onOutput?.(text, 'stderr'));
  return new Promise<RunResult>((resolve, reject) => {
    let ended: Pick<RunResult, 'exitCode' | 'signal'> | undefined;
    let settle: NodeJS.Timeout | undefined;
    const finish = (): void => {
      clearTimeout(settle);
      stop.removeEventListener('abort', aborted);
      if (ended === undefined) reject(stop.aborted ? (stop.reason as Error) : lost());
      else resolve({ ...ended, stdout: stdout.toString(), stderr: stderr.toString() });
    };
    const aborted = (): void => {
      ended = undefined;
      channel.close();
      finish();
    };
    const take = (tail: OutputTail) => (chunk: Buffer) => {
      settle?.refresh();
      tail.push(chunk);
    };
    if (stop.aborted) return aborted();
    stop.addEventListener('abort', aborted, { once: true });
    channel.on('data', take(stdout));
    channel.stderr.on('data', take(stderr));
    channel.on('exit', (code: number | null, signal?: string) => {
      ended = { exitCode: code, ...(code === null && signal !== undefined ? { signal } : {}) };
      settle = setTimeout(() => {
        channel.close();
        finish();
      }, SETTLE);
    });
    channel.once('close', finish);
    // The command may end without reading its input. The write then fails, which we ignore.
    channel.on('error', () => undefined);
    channel.end(input);
  });
}
