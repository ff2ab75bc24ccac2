import { statfs } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { withStoreErrors } from '../../domain/store-errors.js';
import { bootDisk, measureBoot } from '../../formats/index.js';
import { formatConsoleTail } from '../shared/console-tail.js';
import { cancellationSignal, reportProgress, type Deps } from '../shared/context.js';
import { writeLog } from '../shared/logs.js';
import { adviseOnBoot, explainBoot } from './boot-advice.js';
import type { PlannedTarget } from './plan-target-image.js';
import { withWorkFolder } from './work-folder.js';

export interface VerifyBootInput {
  ref: BuildRef;
  planned: PlannedTarget;
  /** Size of the disk in bytes. */
  virtualSize: number;
}

/** Name of the log with the console of the machine. */
const LOG = 'verify';
/** Milliseconds between two reports of what the console says. */
const REPORT_INTERVAL = 1000;
/** Bytes of free space below which we take a disk to be full: the emulator stops a guest that it cannot write for. */
const FULL = 4 * 1024 ** 2;

/**
 * Boots the body of a target image in QEMU, in a machine with the target's own controllers. Keeps the console as a log.
 * The body stays as it is. Another attempt boots it again, from its beginning.
 *
 * @returns how the body was verified, in words for the record
 * @throws FactoryError ImageFailed when the system does not boot, or when nobody can tell whether it does; StoreFailed,
 *   retryable, when the disk of the worker is full, because that alone stops a system
 */
export async function verifyBoot(
  deps: Deps,
  { ref, planned, virtualSize }: VerifyBootInput,
): Promise<{ verifiedBy: string }> {
  const { machine, firmware, os, format, bodyPath } = planned;
  const message = `booting the image in QEMU with ${machine.disk} and ${machine.network}`;
  reportProgress({ message });
  const disk = { path: bodyPath, format, virtualSize };
  const bytes = await withStoreErrors('read', bodyPath, () => measureBoot(disk));
  let reported = 0;
  const { verdict, console } = await withWorkFolder(deps, ref.uuid, bytes, async (workFolder) => {
    const result = await bootDisk({
      ...disk,
      machine,
      firmware,
      arch: os.arch,
      workFolder,
      signal: cancellationSignal(),
      onConsole: (consoleLine) => {
        if (Date.now() - reported < REPORT_INTERVAL) return;
        reported = Date.now();
        reportProgress({ message, consoleLine });
      },
    });
    if (!result.verdict.booted) await requireFreeSpace(workFolder);
    return result;
  });
  await writeLog(deps, ref.uuid, { name: LOG, kind: 'console', cut: console.cut }, console.text);
  if (!verdict.booted) {
    throw new FactoryError('ImageFailed', explainBoot(verdict, planned), {
      hint: adviseOnBoot(verdict.failure, planned),
      consoleTail: formatConsoleTail(console.text),
    });
  }
  return {
    verifiedBy: `booted by QEMU with ${machine.disk}, ${machine.network} and ${firmware.toUpperCase()} until “${verdict.sign}”`,
  };
}

/** Checks that a system has not failed because others have filled the disk under it. */
async function requireFreeSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await withStoreErrors('read', folder, () => statfs(folder));
  if (bavail * bsize >= FULL) return;
  throw new FactoryError('StoreFailed', 'the disk of the store is full, so the image could not be booted', {
    retryable: true,
    hint: 'make free space on the disk of the store, or take a larger one',
  });
}
