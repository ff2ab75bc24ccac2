import { Context } from '@temporalio/activity';
import { FactoryError } from '../../domain/errors.js';
import { formatSize } from '../../domain/sizes.js';
import type { Shortage } from '../../store/space.js';
import { reportProgress, sleep, type Deps } from '../shared/context.js';

/** What a step needs disk space for. */
export interface SpaceNeeds {
  /** One of the folders whose space the workers share out. */
  folder: string;
  /** In words for people: "the store". */
  folderTitle: string;
  /** The file or folder that will take the space. It is removed when this process dies. */
  path: string;
  bytes: number;
}

/**
 * Milliseconds after which a step that waits for space fails, counted from its first attempt. A conversion may take
 * twelve hours after that.
 */
const LONGEST_WAIT = 12 * 3_600_000;

/**
 * Reserves disk space, waits in line until the space is there, runs the work, and gives the space back. So
 * conversions that run at the same time never fill the disk together.
 *
 * @throws FactoryError StoreFailed when the file system is too small for ever, or has no space by the deadline
 */
export async function withSpace<T>(deps: Deps, needs: SpaceNeeds, work: () => Promise<T>): Promise<T> {
  const claim = await deps.space.claim(needs.folder, needs.path, needs.bytes);
  try {
    for (;;) {
      const shortage = await claim.findShortage();
      if (shortage === undefined) break;
      await waitForSpace(deps, needs, shortage);
    }
    return await work();
  } catch (error) {
    if (await claim.isHeld()) throw error;
    throw new FactoryError('StoreFailed', `another worker has given away the space that this step used`, {
      retryable: true,
      cause: error,
      hint: 'check whether the clocks of the workers’ machines agree',
    });
  } finally {
    await claim.release();
  }
}

async function waitForSpace(deps: Deps, { folder, folderTitle }: SpaceNeeds, shortage: Shortage): Promise<void> {
  const { imageCache, space } = deps;
  const { needed, capacity } = shortage;
  const hint = `make free space on the disk of ${folderTitle}, or take a larger one`;
  if (needed > capacity) {
    throw new FactoryError(
      'StoreFailed',
      `this step needs ${formatSize(needed)} of disk space, but the disk of ${folderTitle} has ${formatSize(capacity)} in all`,
      { hint },
    );
  }
  // Downloads that nobody uses now cost only time to get back.
  if ((await space.isSameDisk(folder, imageCache.folder)) && (await imageCache.removeOldest())) return;
  const message = describeShortage(shortage, folderTitle);
  const { scheduledTimestampMs } = Context.current().info;
  if (Date.now() > scheduledTimestampMs + LONGEST_WAIT) {
    throw new FactoryError('StoreFailed', `there was no space by the deadline: the step ${message}`, { hint });
  }
  reportProgress({ message });
  await sleep(deps.pollInterval);
}

/** Describes a shortage: "waits for 12 GiB of space in the store: 3 GiB are free, 8 GiB are promised to 2 others". */
export function describeShortage({ needed, free, promised, claims }: Shortage, folderTitle: string): string {
  const others = claims === 1 ? 'another step' : `${claims} other steps`;
  const line = claims === 0 ? '' : `, ${formatSize(promised)} are promised to ${others}`;
  return `waits for ${formatSize(needed)} of space in ${folderTitle}: ${formatSize(free)} are free${line}`;
}
