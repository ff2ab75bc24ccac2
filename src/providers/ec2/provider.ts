import type { Finding, RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import { FactoryError } from '../../domain/errors.js';
import { KEYS, TOOL } from '../../domain/names.js';
import type { Operation, Provider, ProviderSettings, PushedImage, StagingObject } from '../types.js';
import type { Aws, Region } from './aws.js';
import { checkProvider } from './check.js';
import { type Ec2Configuration, readCredentials } from './configuration.js';
import { describeImage, type ImageCopy } from './describe-image.js';
import { copyImage, findImage, registerImage, waitForImage } from './images.js';
import { deleteRegistered, listStaging, removeStaging } from './remove.js';
import { shareImage } from './share.js';
import { uploadSnapshot } from './upload.js';

/** How the copies that EC2 makes itself were compared, and the AMI with its snapshot. */
const SAME_SNAPSHOT = 'the AMI has the snapshot whose blocks EBS has checked';

/** Amazon EC2: a snapshot by EBS direct, registered as an AMI. */
export class Ec2Provider implements Provider {
  readonly account: string | undefined;
  readonly region: string;
  readonly location: string;
  private readonly copyTo: readonly string[];

  constructor(
    private readonly aws: Aws,
    settings: ProviderSettings<Ec2Configuration>,
  ) {
    const { region, copy_to, profile } = settings.configuration;
    this.account = readCredentials(settings)?.accountId;
    this.region = region;
    this.copyTo = copy_to.filter((name) => name !== region);
    const whose = this.account ?? (profile === undefined ? undefined : `profile ${profile}`);
    this.location = `Amazon EC2, ${region}${whose === undefined ? '' : `, ${whose}`}`;
  }

  private get regions(): Region[] {
    return [this.aws.home, ...this.copyTo.map((name) => this.aws.region(name))];
  }

  async check(operation: Operation, image?: PushedImage): Promise<Finding[]> {
    const tags = [
      { Key: KEYS.tool, Value: TOOL },
      { Key: KEYS.creator, Value: operation.creator },
    ];
    return checkProvider(this.aws, operation, this.copyTo, tags, image);
  }

  async find(operation: Operation, image: PushedImage): Promise<RegisteredImage | undefined> {
    const { home } = this.aws;
    const found = await findImage(this.aws, operation, home, image);
    if (found?.State !== 'available') return undefined;
    const copies: ImageCopy[] = [];
    for (const name of this.copyTo) {
      const copy = await findImage(this.aws, operation, this.aws.region(name), image);
      if (copy?.State !== 'available') return undefined;
      copies.push({ region: name, image: copy });
    }
    return describeImage(home, found, copies, SAME_SNAPSHOT);
  }

  async upload(operation: Operation, image: PushedImage): Promise<UploadedFile> {
    return uploadSnapshot(this.aws, operation, image);
  }

  async register(operation: Operation, image: PushedImage, uploaded: UploadedFile): Promise<RegisteredImage> {
    const { snapshot } = uploaded.ids;
    if (snapshot === undefined) throw new FactoryError('Internal', 'the upload to EC2 has left no snapshot');
    const { aws } = this;
    const registered = await registerImage(aws, operation, image, snapshot);
    const begun: { region: Region; id: string }[] = [];
    for (const name of this.copyTo) {
      const region = aws.region(name);
      begun.push({ region, id: await copyImage(aws, operation, image, registered.ImageId ?? '', region) });
    }
    const copies: ImageCopy[] = [];
    for (const { region, id } of begun) {
      copies.push({ region: region.name, image: await waitForImage(aws, operation, region, id) });
    }
    return describeImage(aws.home, registered, copies, `${uploaded.verifiedBy}; ${SAME_SNAPSHOT}`);
  }

  async share(operation: Operation, registered: RegisteredImage, accounts: readonly string[]): Promise<void> {
    await shareImage(this.aws, operation, registered, accounts);
  }

  async removeStaging(
    operation: Operation,
    uuid: string,
    { everything = false }: { everything?: boolean } = {},
  ): Promise<string[]> {
    return removeStaging(this.aws, operation, this.regions, uuid, everything);
  }

  async delete(operation: Operation, registered: RegisteredImage): Promise<string[]> {
    return deleteRegistered(this.aws, operation, registered);
  }

  async listStaging(operation: Operation): Promise<StagingObject[]> {
    return listStaging(this.aws, operation, this.regions);
  }

  async close(): Promise<void> {
    this.aws.close();
  }
}
