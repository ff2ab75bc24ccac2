import { FactoryError } from '../../domain/errors.js';
import { TOOL } from '../../domain/names.js';
import { isMarked, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import type { Finding, RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import type { Cloud, Image, ImageChange } from '../../openstack/types.js';
import type { Operation, Provider, ProviderKind, PushedImage, StagingObject } from '../types.js';
import { connect, schema, type GlanceConfiguration } from './settings.js';
import { ensureUploaded, findImage, OWN_ID, workingName } from './upload.js';

/** Glance of another cloud, region or project. */
export const glance: ProviderKind<GlanceConfiguration> = {
  name: 'glance',
  schema,
  connect: async (settings) => {
    const { cloud, close } = connect(settings);
    return new GlanceProvider(cloud, settings.configuration, close);
  },
};

class GlanceProvider implements Provider {
  readonly account = undefined;
  readonly region: string | undefined;
  readonly location: string;

  constructor(
    private readonly cloud: Cloud,
    private readonly configuration: GlanceConfiguration,
    readonly close: () => Promise<void>,
  ) {
    this.region = cloud.region;
    this.location = `Glance of cloud ${cloud.name}${cloud.region === undefined ? '' : `, region ${cloud.region}`}`;
  }

  async check(operation: Operation, image?: PushedImage): Promise<Finding[]> {
    const { signal } = operation;
    const isPush = image !== undefined;
    const findings = [await tryTo('sign in', isPush, () => this.cloud.getProjectId({ signal }))];
    if (findings.some(({ ok }) => !ok)) return findings;
    findings.push(
      await tryTo('list images', isPush, () => this.cloud.image.listImages({ name: workingName('none') }, { signal })),
    );
    if (image === undefined) return findings;
    const formats = await this.cloud.image.listDiskFormats({ signal }).catch((): string[] => []);
    const { format } = image.file;
    if (formats.length > 0 && !formats.includes(format)) {
      findings.push({
        what: `the format ${format}`,
        ok: false,
        message: `this Glance takes only ${formats.join(', ')}`,
        hint: 'ask the operators of the cloud to add the format to disk_formats, or push another target',
      });
    }
    return findings;
  }

  async find({ signal }: Operation, image: PushedImage): Promise<RegisteredImage | undefined> {
    const found = await findImage(this.cloud, image, signal);
    if (found?.status !== 'active' || found.name === workingName(image.uuid)) return undefined;
    return this.describe(found, image);
  }

  async upload(operation: Operation, image: PushedImage): Promise<UploadedFile> {
    const { properties } = this.configuration;
    const { signal } = operation;
    const { uploaded, sent } = await ensureUploaded(this.cloud, operation, image, {
      ...image.guestProperties,
      ...properties,
    });
    const verifiedBy = compare(uploaded, image);
    if (verifiedBy !== undefined) return { ids: { image: uploaded.id }, sent, verifiedBy };
    // The image is ours, and its bytes are not those of the file: the next attempt uploads it again.
    await this.cloud.image.deleteImage(uploaded.id, { signal });
    throw new FactoryError(
      'ChecksumMismatch',
      `image ${uploaded.id} at ${this.location} has other bytes than the file`,
      {
        retryable: true,
        hint: 'the next attempt uploads it again; if that fails too, look for a proxy that changes what is sent',
      },
    );
  }

  async register({ signal }: Operation, image: PushedImage, { ids }: UploadedFile): Promise<RegisteredImage> {
    const id = ids['image'] ?? '';
    const found = await this.cloud.image.getImage(id, { signal });
    if (found === undefined) {
      throw new FactoryError('ImageFailed', `image ${id} was deleted from ${this.location} before it was registered`, {
        hint: `imagefactory resume ${image.uuid} uploads it again`,
      });
    }
    const { visibility, hidden } = this.configuration;
    const wanted = { name: image.name, visibility, os_hidden: hidden };
    const changes = Object.entries(wanted)
      .filter(([name, value]) => found[name] !== value && !(found[name] === undefined && value === false))
      .map(([name, value]): ImageChange => ({ op: 'replace', path: `/${name}`, value }));
    const changed = changes.length === 0 ? found : await this.cloud.image.updateImage(id, changes, { signal });
    return this.describe(changed, image);
  }

  private describe(found: Image, image: PushedImage): RegisteredImage {
    return {
      id: found.id,
      location: `glance:${this.cloud.name}/${found.id}`,
      ...(found.owner == null ? {} : { account: found.owner }),
      ...(this.region === undefined ? {} : { region: this.region }),
      resources: [],
      verifiedBy: compare(found, image) ?? 'not compared: somebody has changed what this Glance says of its bytes',
    };
  }

  /** A project sees the image among its own when its users have accepted it. */
  async share({ signal }: Operation, { id }: RegisteredImage, projects: readonly string[]): Promise<void> {
    const found = await this.cloud.image.getImage(id, { signal });
    if (found?.visibility === 'private') {
      await this.cloud.image.updateImage(id, [{ op: 'replace', path: '/visibility', value: 'shared' }], { signal });
    }
    for (const project of projects) await this.cloud.image.addMember(id, project, { signal });
  }

  async removeStaging({ signal }: Operation, uuid: string): Promise<string[]> {
    const removed: string[] = [];
    for (const { id } of await this.listUnregistered(signal, uuid)) {
      await this.cloud.image.deleteImage(id, { signal });
      removed.push(`image ${id} at ${this.location}`);
    }
    return removed;
  }

  async delete({ signal }: Operation, { id }: RegisteredImage): Promise<string[]> {
    const project = await this.cloud.getProjectId({ signal });
    const found = await this.cloud.image.getImage(id, { signal });
    if (found === undefined) return [];
    if (found.owner !== project || found[OWN_ID] !== id) {
      throw new FactoryError('Conflict', `image ${id} at ${this.location} was not pushed by imagefactory`, {
        hint: 'remove it with openstack image delete, if it may go',
      });
    }
    await this.cloud.image.deleteImage(id, { signal });
    return [`image ${id} at ${this.location}`];
  }

  async listStaging({ signal }: Operation): Promise<StagingObject[]> {
    return (await this.listUnregistered(signal)).map((image) => ({
      uuid: String(image[PROVIDER_KEYS.image]),
      kind: 'image',
      id: image.id,
      createdAt: Date.parse(image.created_at),
      size: image.size ?? undefined,
    }));
  }

  /** Lists the images of this project that a push has made and not registered. */
  private async listUnregistered(signal: AbortSignal, uuid?: string): Promise<Image[]> {
    const project = await this.cloud.getProjectId({ signal });
    const properties = { [PROVIDER_KEYS.tool]: TOOL, ...(uuid === undefined ? {} : { [PROVIDER_KEYS.image]: uuid }) };
    const images = await this.cloud.image.listImages({ properties }, { signal });
    return images.filter((image) => {
      const own = String(image[PROVIDER_KEYS.image]);
      const isPushed = image[OWN_ID] === image.id && isMarked(image, own);
      return image.owner === project && isPushed && image.name === workingName(own);
    });
  }
}

/**
 * Tries something, and describes how it went. A push fails for what it finds, so it is not told of a failure that
 * passes: that is thrown, and the step tries again.
 */
async function tryTo(what: string, isPush: boolean, work: () => Promise<unknown>): Promise<Finding> {
  try {
    await work();
    return { what, ok: true };
  } catch (error) {
    if (!(error instanceof FactoryError) || (isPush && error.retryable)) throw error;
    const { message, hint } = error;
    return { what, ok: false, message, ...(hint === undefined ? {} : { hint }) };
  }
}

/**
 * Compares the digest that Glance has computed with that of the file. Returns how, for people; undefined when the bytes
 * differ.
 */
function compare(found: Image, { file }: PushedImage): string | undefined {
  const { os_hash_algo: algorithm, os_hash_value: value, disk_format: format } = found;
  // A Glance that converts images has other bytes, and says so by the format. Then there is nothing to compare.
  if (format !== null && format !== file.format) {
    return `not compared: this Glance has converted the image to ${format}; its ${algorithm ?? 'digest'} is ${value ?? 'not known'}`;
  }
  const expected = algorithm === 'sha512' ? file.sha512 : algorithm === 'sha256' ? file.sha256 : undefined;
  if (found.size !== file.size) return undefined;
  if (expected === undefined || value == null) return 'its size; this Glance computes no digest that can be compared';
  return expected === value ? `${algorithm} computed by Glance` : undefined;
}
