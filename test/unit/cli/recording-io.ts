import { EventEmitter } from 'node:events';
import { toPlainText } from '../../../src/domain/plain-text.js';
import type { Io } from '../../../src/cli/io.js';

/** An Io that stores all output, and whose `interrupt` acts like Ctrl-C. */
export class RecordingIo implements Io {
  stdout = '';
  stderr = '';
  /** What was written by outBytes. */
  readonly bytes: Buffer[] = [];
  readonly outIsTerminal = false;
  private readonly events = new EventEmitter();

  constructor(readonly env: NodeJS.ProcessEnv = {}) {}

  out(text: string): void {
    this.outExact(toPlainText(text));
  }

  outExact(text: string): void {
    this.stdout += text;
    this.events.emit('written');
  }

  async outBytes(chunk: Buffer): Promise<void> {
    this.bytes.push(Buffer.from(chunk));
  }

  err(text: string): void {
    this.stderr += toPlainText(text);
    this.events.emit('written');
  }

  onInterrupt(listener: (signal: 'SIGINT' | 'SIGTERM') => void): () => void {
    this.events.on('signal', listener);
    return () => this.events.off('signal', listener);
  }

  interrupt(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): void {
    this.events.emit('signal', signal);
  }

  /** Resolves as soon as the output on standard error matches the pattern. */
  async seen(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stderr)) await new Promise((resolve) => this.events.once('written', resolve));
  }
}
