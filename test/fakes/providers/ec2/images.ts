import { AwsError, matchesTag, page, type Parameters, tagSet } from './query.js';
import { type Behaviour, type FakeImage, newId, type RegionState } from './state.js';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html */
const NAME = /^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/;
const VALUES: Readonly<Record<string, readonly string[]>> = {
  Architecture: ['i386', 'x86_64', 'arm64', 'x86_64_mac', 'arm64_mac'],
  BootMode: ['legacy-bios', 'uefi', 'uefi-preferred'],
  VirtualizationType: ['hvm', 'paravirtual'],
  ImdsSupport: ['v2.0'],
  EnaSupport: ['true', 'false'],
};

export function registerImage(parameters: Parameters, region: RegionState, behaviour: Behaviour): unknown {
  const name = parameters.required('Name');
  const description = parameters.optional('Description') ?? '';
  const root = parameters.required('RootDeviceName');
  const values = new Map<string, string>([['Description', description]]);
  for (const [key, allowed] of Object.entries(VALUES)) {
    const value = parameters.optional(key);
    if (value !== undefined && !allowed.includes(value)) {
      throw new AwsError('InvalidParameterValue', `Value (${value}) for parameter ${key} is invalid.`);
    }
    if (value !== undefined) values.set(key, value);
  }
  const devices = parameters.items('BlockDeviceMapping', (prefix) => ({
    device: parameters.required(`${prefix}.DeviceName`),
    snapshot: parameters.required(`${prefix}.Ebs.SnapshotId`),
    type: parameters.optional(`${prefix}.Ebs.VolumeType`) ?? 'standard',
    deleted: parameters.optional(`${prefix}.Ebs.DeleteOnTermination`),
  }));
  const tags = parameters.tags(['image']).get('image') ?? new Map<string, string>();
  parameters.refuseUnknown();
  const disk = devices.find(({ device }) => device === root);
  if (disk === undefined) throw new AwsError('InvalidBlockDeviceMapping', `The root device ${root} is not mapped`);
  if (parameters.isDryRun) throw new AwsError('DryRunOperation', 'Request would have succeeded.', 412);
  checkName(name, region);
  if (values.get('Architecture') === 'arm64' && values.get('BootMode') === 'legacy-bios') {
    throw new AwsError('InvalidParameterCombination', 'The boot mode legacy-bios is not supported for arm64');
  }
  const snapshot = region.snapshots.get(disk.snapshot);
  if (snapshot === undefined || behaviour.unknownSources-- > 0) {
    throw new AwsError('InvalidSnapshot.NotFound', `The snapshot '${disk.snapshot}' does not exist.`);
  }
  if (snapshot.state !== 'completed') {
    throw new AwsError('IncorrectState', `The snapshot '${disk.snapshot}' is not completed.`);
  }
  values.set('VolumeType', disk.type).set('RootDeviceName', root);
  return { imageId: addImage(region, behaviour, { name, tags, parameters: values, snapshot: snapshot.id }) };
}

/** CopyImage is called in the region that gets the copy. */
export function copyImage(
  parameters: Parameters,
  region: RegionState,
  behaviour: Behaviour,
  regionOf: (name: string) => RegionState,
): unknown {
  const name = parameters.required('Name');
  const source = parameters.required('SourceImageId');
  const from = parameters.required('SourceRegion');
  const token = parameters.optional('ClientToken');
  const description = parameters.optional('Description') ?? '';
  const tags = parameters.tags(['image', 'snapshot']);
  parameters.refuseUnknown();
  if (parameters.isDryRun) throw new AwsError('DryRunOperation', 'Request would have succeeded.', 412);
  const request = JSON.stringify([name, source, from, description, [...tags].map(([kind, map]) => [kind, [...map]])]);
  const known = token === undefined ? undefined : region.tokens.get(token);
  if (known?.request === request) return { imageId: known.answer };
  if (known !== undefined) throw new AwsError('IdempotentParameterMismatch', 'The client token has other parameters');
  checkName(name, region);
  const original = regionOf(from).images.get(source);
  const disk = original && regionOf(from).snapshots.get(original.snapshot);
  if (original === undefined || disk === undefined || behaviour.unknownSources-- > 0) {
    throw new AwsError('InvalidAMIID.NotFound', `The image id '[${source}]' does not exist`);
  }
  if (original.state !== 'available') throw new AwsError('InvalidRequest', 'Image is not available');
  const copied = { ...disk, id: newId('snap'), tags: tags.get('snapshot') ?? new Map<string, string>() };
  region.snapshots.set(copied.id, copied);
  const id = addImage(region, behaviour, {
    name,
    tags: tags.get('image') ?? new Map<string, string>(),
    parameters: original.parameters,
    snapshot: copied.id,
  });
  if (token !== undefined) region.tokens.set(token, { request, answer: id });
  return { imageId: id };
}

function checkName(name: string, region: RegionState): void {
  if (!NAME.test(name))
    throw new AwsError('InvalidAMIName.Malformed', `AMI names must be 3 to 128 characters: ${name}`);
  const taken = [...region.images.values()].find((image) => image.name === name);
  if (taken !== undefined) {
    throw new AwsError('InvalidAMIName.Duplicate', `AMI name ${name} is already in use by AMI ${taken.id}`);
  }
}

/** Adds an AMI to a region. @returns its id */
export function addImage(
  region: RegionState,
  { visibleAfter }: Pick<Behaviour, 'visibleAfter'>,
  image: Pick<FakeImage, 'name' | 'tags' | 'parameters' | 'snapshot'>,
): string {
  const id = newId('ami');
  region.images.set(id, {
    ...image,
    id,
    state: 'pending',
    stateReason: '',
    launchPermissions: new Set(),
    asked: 0,
    hiddenFor: visibleAfter,
  });
  return id;
}

export function describeImages(
  parameters: Parameters,
  region: RegionState,
  behaviour: Behaviour,
  account: string,
): unknown {
  const ids = parameters.list('ImageId');
  const owners = parameters.list('Owner');
  const filters = parameters.filters();
  const token = parameters.optional('NextToken');
  const size = parameters.optional('MaxResults');
  const withDisabled = parameters.optional('IncludeDisabled') === 'true';
  parameters.refuseUnknown();
  if (ids.length === 0 && !owners.includes('self')) throw new Error('the request lists everybody’s AMIs');
  const visible = [...region.images.values()].filter(
    (image) => ask(image, behaviour) && (withDisabled || image.state !== 'disabled'),
  );
  for (const id of ids) {
    if (visible.every((one) => one.id !== id)) {
      throw new AwsError('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
    }
  }
  const found = visible.filter((image) => {
    const isNamed = ids.length === 0 || ids.includes(image.id);
    return isNamed && filters.every(({ name, values }) => matches(image, name, values));
  });
  const { items, nextToken } = page(found, token, Math.min(behaviour.pageSize, Number(size ?? 1000)));
  return { imagesSet: items.map((image) => describe(image, account)), nextToken };
}

/** Moves a pending AMI on. @returns whether it is visible */
function ask(image: FakeImage, { availableAfter, imagesEnd }: Behaviour): boolean {
  if (image.hiddenFor > 0) {
    image.hiddenFor--;
    return false;
  }
  if (image.state === 'pending' && ++image.asked > availableAfter) {
    image.state = imagesEnd.state;
    image.stateReason = imagesEnd.reason;
  }
  return true;
}

function matches(image: FakeImage, name: string, values: string[]): boolean {
  if (values.length > 200) throw new AwsError('FilterLimitExceeded', 'The maximum number of filter values is 200');
  if (name === 'name') return values.includes(image.name);
  if (name === 'block-device-mapping.snapshot-id') return values.includes(image.snapshot);
  const byTag = matchesTag(image.tags, name, values);
  if (byTag === undefined) throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
  return byTag;
}

function describe(image: FakeImage, account: string): unknown {
  const { parameters } = image;
  const deviceName = parameters.get('RootDeviceName');
  return {
    imageId: image.id,
    imageState: image.state,
    imageOwnerId: account,
    name: image.name,
    architecture: parameters.get('Architecture'),
    bootMode: parameters.get('BootMode'),
    stateReason: image.stateReason === '' ? undefined : { code: 'Client.Reason', message: image.stateReason },
    blockDeviceMapping: [{ deviceName, ebs: { snapshotId: image.snapshot, volumeType: parameters.get('VolumeType') } }],
    tagSet: tagSet(image.tags),
  };
}

export function deregisterImage(parameters: Parameters, region: RegionState): unknown {
  const id = parameters.required('ImageId');
  parameters.refuseUnknown();
  if (!region.images.delete(id)) throw new AwsError('InvalidAMIID.Unavailable', `The AMI ID '${id}' is unavailable`);
  return { return: true };
}

export function modifyImageAttribute(parameters: Parameters, region: RegionState): unknown {
  const id = parameters.required('ImageId');
  const added = parameters.items('LaunchPermission.Add', (prefix) =>
    ['UserId', 'OrganizationArn', 'OrganizationalUnitArn'].flatMap(
      (key) => parameters.optional(`${prefix}.${key}`) ?? [],
    ),
  );
  parameters.refuseUnknown();
  const image = region.images.get(id);
  if (image === undefined) throw new AwsError('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
  for (const account of added.flat()) image.launchPermissions.add(account);
  return { return: true };
}
