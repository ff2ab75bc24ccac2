import { FactoryError } from '../../domain/errors.js';
import type { RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import type { Tls } from '../../http/http.js';
import type { Finding, Operation, Provider, ProviderKind, PushedImage, StagingObject } from '../types.js';
import { checkOvirt } from './check.js';
import { type OvirtConfiguration, readCredentials, readProviderFile, SCHEMA } from './configuration.js';
import { findDisk, isOurs, markDisk, readDiskWithUsers, stageOf, waitForDisk } from './disks.js';
import { Engine } from './engine.js';
import { diskIdOf, isPushedDisk } from './marks.js';
import { findCluster, findStorageDomain } from './places.js';
import { MACHINE } from './schemas.js';
import { deleteUnusedDisk, listLeftovers, removeLeftovers } from './staging.js';
import { deleteMachine, findMachine, goneError, isStaged, makeTemplate } from './templates.js';
import { uploadDisk } from './upload.js';

/** Disks and templates of oVirt, uploaded through imageio. */
class OvirtProvider implements Provider {
  readonly account: string;
  readonly region = undefined;
  readonly location: string;

  constructor(
    private readonly configuration: OvirtConfiguration,
    private readonly engine: Engine,
    private readonly tls: Tls,
    username: string,
  ) {
    this.account = username;
    this.location = `oVirt ${new URL(engine.url).host}, storage domain ${configuration.storage_domain}`;
  }

  async check(operation: Operation, image?: PushedImage): Promise<Finding[]> {
    return await checkOvirt(operation, this.engine, this.configuration, image);
  }

  async find(operation: Operation, image: PushedImage): Promise<RegisteredImage | undefined> {
    const { engine } = this;
    const isTemplate = this.configuration.template_cluster !== undefined;
    const [template, disk] = isTemplate
      ? [await findMachine(engine, 'template', image, operation.signal), undefined]
      : [undefined, await findDisk(engine, image, operation.signal)];
    const verifiedBy = 'compared when it was uploaded';
    // While the template has a stage, or its virtual machine is there, `register` has something to do.
    if (template?.status === 'ok' && !isStaged(template)) {
      const machine = await findMachine(engine, 'vm', image, operation.signal);
      if (machine === undefined) return this.registered('template', template.id, verifiedBy);
    }
    if (disk?.status === 'ok' && stageOf(disk) === undefined) return this.registered('disk', disk.id, verifiedBy);
    return undefined;
  }

  async upload(operation: Operation, image: PushedImage): Promise<UploadedFile> {
    // After the template was made, its virtual machine is removed with the disk: then nothing has to be uploaded.
    if (await this.hasTemplate(operation, image)) {
      return { ids: { disk: diskIdOf(image) }, sent: 0, verifiedBy: 'compared when it was uploaded' };
    }
    return await uploadDisk(operation, this.engine, image, this.tls, () =>
      findStorageDomain(this.engine, this.configuration.storage_domain, operation.signal),
    );
  }

  async register(operation: Operation, image: PushedImage, uploaded: UploadedFile): Promise<RegisteredImage> {
    const { engine } = this;
    const clusterName = this.configuration.template_cluster;
    if (clusterName !== undefined) {
      const cluster = await findCluster(engine, clusterName, operation.signal);
      const template = await makeTemplate(operation, engine, image, cluster);
      return this.registered('template', template.id, uploaded.verifiedBy);
    }
    const id = diskIdOf(image);
    const disk = await findDisk(engine, image, operation.signal);
    if (disk === undefined) throw goneError(image);
    await waitForDisk(operation, engine, id);
    if (stageOf(disk) !== undefined) await markDisk(operation, engine, image, undefined);
    return this.registered('disk', id, uploaded.verifiedBy);
  }

  async removeStaging(
    operation: Operation,
    uuid: string,
    { everything = false }: { everything?: boolean } = {},
  ): Promise<string[]> {
    return await removeLeftovers(operation, this.engine, uuid, everything);
  }

  async delete(operation: Operation, registered: RegisteredImage): Promise<string[]> {
    const removed: string[] = [];
    for (const { kind, id } of registered.resources) {
      if (kind === 'template' && (await this.deleteTemplate(operation, id))) removed.push(`template ${id}`);
      if (kind === 'disk' && (await this.deleteOwnDisk(operation, id))) removed.push(`disk ${id}`);
    }
    return removed;
  }

  async listStaging(operation: Operation): Promise<StagingObject[]> {
    return await listLeftovers(operation, this.engine);
  }

  async close(): Promise<void> {
    await this.engine.close();
  }

  private async hasTemplate(operation: Operation, image: PushedImage): Promise<boolean> {
    if (this.configuration.template_cluster === undefined) return false;
    const template = await findMachine(this.engine, 'template', image, operation.signal);
    // An illegal template is made again, of the disk.
    return template !== undefined && template.status !== 'illegal';
  }

  private async deleteTemplate(operation: Operation, id: string): Promise<boolean> {
    const template = await this.engine.get(`/templates/${encodeURIComponent(id)}`, MACHINE, operation.signal);
    if (template === undefined) return false;
    if (!isOurs(template.description, undefined)) throw foreignError('template', id);
    // The engine refuses to remove a template on which virtual machines depend.
    return await deleteMachine(operation, this.engine, 'template', id);
  }

  private async deleteOwnDisk(operation: Operation, id: string): Promise<boolean> {
    const disk = await readDiskWithUsers(this.engine, id, operation.signal);
    if (disk === undefined) return false;
    if (!isPushedDisk(disk)) throw foreignError('disk', id);
    return await deleteUnusedDisk(operation, this.engine, disk);
  }

  private registered(kind: 'disk' | 'template', id: string, verifiedBy: string): RegisteredImage {
    return {
      id,
      location: `${this.engine.url}/api/${kind}s/${id}`,
      account: this.account,
      resources: [{ kind, id }],
      verifiedBy,
    };
  }
}

function foreignError(kind: string, id: string): FactoryError {
  return new FactoryError('Conflict', `the ${kind} ${id} does not carry the marks of imagefactory-nova: it stays`, {
    hint: `remove it in the Administration Portal if nobody needs it`,
  });
}

/** oVirt: the engine's REST API and imageio. */
export const ovirt: ProviderKind<OvirtConfiguration> = {
  name: 'ovirt',
  schema: SCHEMA,
  async connect(settings) {
    const { name, configuration } = settings;
    const user = await readCredentials(settings);
    const { ca } = configuration;
    const tls: Tls = ca === undefined ? {} : { ca: await readProviderFile(name, 'ca', ca) };
    return new OvirtProvider(configuration, new Engine(configuration.url, user, tls), tls, user.username);
  },
};
