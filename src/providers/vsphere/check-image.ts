import { FactoryError } from '../../domain/errors.js';
import { formatSize } from '../../domain/sizes.js';
import type { Finding, Operation, PushedImage } from '../types.js';
import { readOva } from './ova-parts.js';

/** What VMware's virtual machines can be. */
const ARCHES = ['x86_64', 'i386', 'i686'];

/** Tries one thing after the other, and keeps how it went. */
export class Trials {
  readonly findings: Finding[] = [];

  /** @param isPush whether a push follows: a failure that passes is then no finding, because the push tries again */
  constructor(
    private readonly operation: Operation,
    private readonly isPush: boolean,
  ) {}

  /** @returns whether all went well */
  async try(what: string, attempt: () => Promise<unknown>): Promise<boolean> {
    try {
      await attempt();
      this.findings.push({ what, ok: true });
      return true;
    } catch (error) {
      this.operation.signal.throwIfAborted();
      if (!(error instanceof FactoryError) || (this.isPush && error.retryable)) throw error;
      const { message, hint } = error;
      this.findings.push({ what, ok: false, message, ...(hint === undefined ? {} : { hint }) });
      return false;
    }
  }
}

/** Tells whether vSphere takes the image. @param free bytes that are free where it goes; undefined when not told */
export async function checkImage(trials: Trials, image: PushedImage, free?: number): Promise<void> {
  const { arch } = image.os;
  const { format, size, path } = image.file;
  await trials.try(`architecture ${arch}`, async () => {
    if (!ARCHES.includes(arch)) throw new FactoryError('ImageFailed', `vSphere has no virtual machines of ${arch}`);
  });
  await trials.try(`format ${format}`, () => readOva(path));
  if (free === undefined) return;
  await trials.try(`space for ${formatSize(size)}`, async () => {
    if (free >= size) return;
    throw new FactoryError('QuotaExceeded', `the datastore has ${formatSize(free)}`, {
      hint: 'free some space of the datastore',
    });
  });
}
