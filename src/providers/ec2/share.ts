import { FactoryError } from '../../domain/errors.js';
import type { RegisteredImage } from '../../domain/provider-image.js';
import type { Operation } from '../types.js';
import type { Aws } from './aws.js';
import { RESOURCES } from './describe-image.js';
import { splitId } from './remove.js';

const ACCOUNT = /^\d{12}$/;
const ORGANIZATION = /^arn:[\w-]+:organizations::\d{12}:organization\/.+$/;
const UNIT = /^arn:[\w-]+:organizations::\d{12}:ou\/.+$/;

/** Lets accounts start instances from the AMI and its copies. A permission that is there already stays as it is. */
export async function shareImage(
  aws: Aws,
  operation: Operation,
  registered: RegisteredImage,
  accounts: readonly string[],
): Promise<void> {
  if (accounts.length === 0) return;
  const permissions = accounts.map(toPermission);
  const copies = registered.resources.filter(({ kind }) => kind === RESOURCES.imageCopy).map(({ id }) => splitId(id));
  const home = { region: registered.region ?? aws.home.name, id: registered.id };
  for (const { region: name, id } of [home, ...copies]) {
    const region = aws.region(name);
    await aws.call(operation, region, 'ec2:ModifyImageAttribute', (options) =>
      region.ec2.modifyImageAttribute({ ImageId: id, LaunchPermission: { Add: permissions } }, options),
    );
  }
}

function toPermission(account: string): { UserId?: string; OrganizationArn?: string; OrganizationalUnitArn?: string } {
  const digits = account.replaceAll('-', '');
  if (ACCOUNT.test(digits)) return { UserId: digits };
  if (ORGANIZATION.test(account)) return { OrganizationArn: account };
  if (UNIT.test(account)) return { OrganizationalUnitArn: account };
  throw new FactoryError('InvalidParameter', `${account} is no account of AWS`, {
    hint: 'give the 12 digits of an account, or the ARN of an organization or of one of its units',
  });
}
