import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { bootDisk } from '../../formats/index.js';
import { formatConsoleTail } from '../shared/console-tail.js';
import { cancellationSignal, reportProgress, type Deps } from '../shared/context.js';
import { writeLog } from '../shared/logs.js';
import { adviseOnBoot, explainBoot } from './boot-advice.js';
import type { PlannedTarget } from './plan-target-image.js';

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

/**
 * Boots the body of a target image in QEMU, in a machine with the target's own controllers. Keeps the console as a log.
 * The body stays as it is. Another attempt boots it again, from its beginning.
 *
 * @returns how the body was verified, in words for the record
 * @throws FactoryError ImageFailed when the system does not boot, or when nobody can tell whether it does
 */
export async function verifyBoot(
  deps: Deps,
  { ref, planned, virtualSize }: VerifyBootInput,
): Promise<{ verifiedBy: string }> {
  const { machine, firmware, os, format, bodyPath } = planned;
  const message = `booting the image in QEMU with ${machine.disk} and ${machine.network}`;
  reportProgress({ message });
  // What an earlier, killed attempt has left.
  await deps.store.removeWorkFolder(ref.uuid);
  const workFolder = await mkdtemp(join(await deps.store.prepareWorkFolder(ref.uuid), 'boot-'));
  let reported = 0;
  const { verdict, console } = await bootDisk({
    path: bodyPath,
    format,
    virtualSize,
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
  await writeLog(deps, ref.uuid, { name: LOG, kind: 'console', cut: console.cut }, console.text);
  await deps.store.removeWorkFolder(ref.uuid);
  if (!verdict.booted) {
    throw new FactoryError('ImageFailed', explainBoot(verdict, planned), {
      hint: adviseOnBoot(verdict.failure, planned),
      consoleTail: formatConsoleTail(console.text),
    });
  }
  const { disk, network } = machine;
  return {
    verifiedBy: `booted by QEMU with ${disk}, ${network} and ${firmware.toUpperCase()} until “${verdict.sign}”`,
  };
}
