import { Context } from '@temporalio/activity';
import { reportProgress } from '../../../src/activities/shared/context.js';
import type { Activities } from '../../../src/activities/index.js';

/** A result that every activity of a build can return: it has the fields of all their results. */
const ANSWER = {
  name: 'tiny',
  imageName: 'tiny-base',
  os: { name: 'Debian', version: '12', arch: 'x86_64' },
  osLabel: 'Debian 12 x86_64',
  jeosDigest: 'abc',
  jeosWorkflowId: 'jeos-here-abc',
  jeosDocuments: 'd',
  flavorId: '2',
  networkId: 'n',
  guestSteps: [{ name: 'packages', title: 'install the packages' }],
  warnings: [],
  bodyPath: '/storage/the.body',
  imageId: '2f0c7a52-5f0d-4dd8-b2b1-5dcd2b9e2f1c',
  reused: true,
  proven: true,
  serverId: 's',
  keyName: 'k',
  securityGroupId: 'g',
  host: '192.0.2.1',
  packages: 3,
  checksum: { algorithm: 'sha512', value: 'ff' },
  checksumMd5: null,
  size: 7,
  minDisk: 5,
  removed: [],
  leftovers: [],
  records: [],
  logs: [],
  isKnown: false,
  total: 0,
  found: false,
};

type Replacement = (input: unknown) => Promise<unknown>;

/**
 * Returns the activities of a worker without a cloud. All succeed at once, except the activities in `replaced`. One
 * function handles all types: for a type that has no activity, the SDK calls the activity named `default`.
 */
export function instantActivities(replaced: Partial<Record<keyof Activities, Replacement>> = {}): Partial<Activities> {
  async function answer(input: unknown): Promise<unknown> {
    const type = Context.current().info.activityType as keyof Activities;
    return (await replaced[type]?.(input)) ?? ANSWER;
  }
  return { default: answer } as unknown as Partial<Activities>;
}

/** An activity that reports progress once, and then waits until it is cancelled or released. */
export class Parked {
  /**
   * Lets the activity end. Call this at the end of a test, because a worker stops only after its activities have ended.
   */
  release: () => void = () => {};
  private readonly released = new Promise<void>((resolve) => {
    this.release = resolve;
  });

  constructor(private readonly message: string) {}

  readonly activity = async (): Promise<void> => {
    reportProgress({ message: this.message, percent: 12, consoleLine: 'Unpacking bash' });
    await Promise.race([this.released, Context.current().cancelled]);
  };
}
