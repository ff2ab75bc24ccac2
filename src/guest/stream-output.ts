import type ssh2 from 'ssh2';
import { OutputTail } from './output-tail.js';
import type { RunResult } from './types.js';

/** Bytes of standard error that are kept: the last ones. */
const MAX_ERRORS = 65_536;

export interface StreamControl {
  /** Bytes for the script's standard input. */
  input: Buffer;
  stop: AbortSignal;
  /** Seconds without a byte, while somebody waits for one, after which the stream fails. */
  stall: number;
  stalled: () => Error;
  lost: () => Error;
}

/**
 * Passes a command's standard output on. The command waits while nobody reads. Returns how the command has ended; its
 * `stdout` is empty.
 */
export function streamOutput(channel: ssh2.ClientChannel, control: StreamControl): AsyncGenerator<Buffer, RunResult> {
  const { stop } = control;
  const stderr = new OutputTail(MAX_ERRORS);
  let status: Pick<RunResult, 'exitCode' | 'signal'> | undefined;
  const ended = new Promise<void>((resolve) => {
    channel.once('exit', (code: number | null, signal?: string) => {
      status = { exitCode: code, ...(code === null && signal !== undefined ? { signal } : {}) };
      resolve();
    });
    channel.once('close', resolve);
  });
  const stopped = new Promise<never>((_, reject) => {
    stop.addEventListener('abort', () => reject(stop.reason as Error), { once: true });
  });
  stopped.catch(() => undefined);
  channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // The reader sees every error. The command may also end without reading its input, which we ignore.
  channel.on('error', () => undefined);
  channel.end(control.input);
  return readChunks();

  async function* readChunks(): AsyncGenerator<Buffer, RunResult> {
    const chunks = (channel as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await waitFor(chunks.next());
        if (next.done === true) break;
        yield next.value;
      }
      await waitFor(ended);
    } catch (error) {
      if (stop.aborted) throw stop.reason;
      throw (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE' ? control.lost() : error;
    } finally {
      channel.close();
    }
    if (status === undefined) throw control.lost();
    return { ...status, stdout: '', stderr: stderr.toString() };
  }

  async function waitFor<T>(promise: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(control.stalled()), control.stall * 1000);
    });
    try {
      return await Promise.race([promise, stopped, stalled]);
    } finally {
      clearTimeout(timer);
    }
  }
}
