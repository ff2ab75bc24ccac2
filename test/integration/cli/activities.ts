import { Context } from '@temporalio/activity';
import { reportProgress } from '../../../src/activities/shared/context.js';
import type { Activities } from '../../../src/activities/index.js';

/** Every field that any activity of a build answers with: each takes from it what it knows. */
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
  total: 0,
  found: false,
};

type Replacement = (input: unknown) => Promise<unknown>;

/**
 * The activities of a worker without a cloud: all succeed at once, but for those that are replaced. They are one
 * handler
 * for every type, which the SDK calls `default`.
 */
export function instantActivities(replaced: Partial<Record<keyof Activities, Replacement>> = {}): Partial<Activities> {
  async function answer(input: unknown): Promise<unknown> {
    const type = Context.current().info.activityType as keyof Activities;
    return (await replaced[type]?.(input)) ?? ANSWER;
  }
  return { default: answer } as unknown as Partial<Activities>;
}

/** An activity that reports once and then goes on until it is cancelled or released. */
export class Parked {
  /** Lets it end; a test's last act, for a worker waits for its activities. */
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
