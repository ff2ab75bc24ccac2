import { formatSize } from '../../domain/sizes.js';
import { FactoryError } from '../../domain/errors.js';
import type { Finding, Operation, PushedImage } from '../types.js';
import { readOva } from './ova-parts.js';

/** What VMware's virtual machines can be. */
const ARCHES = ['x86_64', 'i386', 'i686'];

/** Tries something, and says how it went. */
export async function tryOut(
  operation: Operation,
  findings: Finding[],
  what: string,
  attempt: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await attempt();
    findings.push({ what, ok: true });
    return true;
  } catch (error) {
    operation.signal.throwIfAborted();
    if (!(error instanceof FactoryError)) throw error;
    findings.push({
      what,
      ok: false,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
    return false;
  }
}

/** Tells whether vSphere takes the image. @param free bytes that are free where it goes; undefined when not told */
export async function checkImage(operation: Operation, image: PushedImage, free?: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { arch } = image.os;
  findings.push(
    ARCHES.includes(arch)
      ? { what: `architecture ${arch}`, ok: true }
      : { what: `architecture ${arch}`, ok: false, message: `vSphere has no virtual machines of ${arch}` },
  );
  await tryOut(operation, findings, `format ${image.file.format}`, () => readOva(image.file.path));
  if (free === undefined) return findings;
  const what = `space for ${formatSize(image.file.size)}`;
  findings.push(
    free >= image.file.size
      ? { what, ok: true }
      : { what, ok: false, message: `the datastore has ${formatSize(free)}`, hint: 'free some space of the datastore' },
  );
  return findings;
}
