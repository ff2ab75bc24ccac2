import { randomUUID } from 'node:crypto';
import { ApiError, errorPage, Routes, TITLES, type Call, type Reply, type Service } from '../core/http.js';
import { asFields, asList, asText, type Fields } from '../core/values.js';
import type { CloudState, FakeImage } from '../state.js';
import type { ImageFiles } from './image-data.js';
import type { ImageImports } from './image-import.js';
import { listImages } from './image-list.js';
import { checkChoice, checkOwnProperty, patchImage, schemaError } from './image-patch.js';
import { checkReserved, imageView, OWN_PROPERTIES, READ_ONLY, STORE } from './image-view.js';
import { imageSchema } from './schema.js';

const VERSIONS = ['15', '13', '12', '11', '10', '9', '8', '7', '6', '5', '4', '3', '2', '1', '0'];
const UUID = /^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/;

/** A fake of Glance's API v2: https://docs.openstack.org/api-ref/image/v2/ */
export class Image implements Service {
  readonly name = 'image';
  readonly routes = new Routes();

  constructor(
    private readonly state: CloudState,
    private readonly files: ImageFiles,
    private readonly imports: ImageImports,
  ) {
    this.routes
      .on('GET', '/', (call) => ({ status: 300, json: versions(call) }))
      .on('GET', '/versions', (call) => ({ status: 200, json: versions(call) }))
      .on('GET', '/v2/images', (call) => listImages(state, call))
      .on('POST', '/v2/images', async (call) => this.create(call, asFields(await call.json())))
      .on('GET', '/v2/images/:id', (call) => ({ status: 200, json: imageView(state, this.find(call)) }))
      .on('PATCH', '/v2/images/:id', (call) => this.patch(call))
      .on('DELETE', '/v2/images/:id', (call) => this.delete(call))
      .on('PUT', '/v2/images/:id/file', (call) => this.upload(call))
      .on('GET', '/v2/images/:id/file', (call) => files.send(this.find(call), call))
      .on('PUT', '/v2/images/:id/tags/:tag', (call) => this.tag(call))
      .on('DELETE', '/v2/images/:id/tags/:tag', (call) => this.untag(call))
      .on('POST', '/v2/images/:id/actions/deactivate', (call) => this.activate(call, 'active', 'deactivated'))
      .on('POST', '/v2/images/:id/actions/reactivate', (call) => this.activate(call, 'deactivated', 'active'))
      .on('GET', '/v2/images/:id/members', (call) => ({
        status: 200,
        json: { members: this.find(call).members.map(memberView), schema: '/v2/schemas/members' },
      }))
      .on('POST', '/v2/images/:id/members', async (call) => this.addMember(call, asFields(await call.json())))
      .on('GET', '/v2/schemas/image', () => ({ status: 200, json: imageSchema(state.diskFormats) }))
      .on('GET', '/v2/info/stores', () => ({ status: 200, json: { stores: [{ id: STORE, default: 'true' }] } }))
      .on('GET', '/v2/info/import', () => imports.info())
      .on('POST', '/v2/images/:id/import', (call) => this.import(call))
      .on('GET', '/v2/images/:id/tasks', (call) => this.tasks(call));
  }

  isOpen(_method: string, path: string): boolean {
    return path === '/' || path === '/versions';
  }

  headers(call: Call): Record<string, string> {
    return { 'x-openstack-request-id': call.id };
  }

  errorReply(error: ApiError): Reply {
    const [explanation = '', ...detail] = error.message.split('\n');
    return {
      status: error.status,
      html: errorPage(error.status, TITLES[error.status] ?? 'Error', explanation, detail.join('\n')),
    };
  }

  /** Creates an image without bytes. */
  createImage(given: Partial<FakeImage>): FakeImage {
    const now = Date.now();
    const image: FakeImage = {
      id: randomUUID(),
      name: null,
      status: 'queued',
      size: null,
      virtual_size: null,
      checksum: null,
      os_hash_value: null,
      disk_format: null,
      container_format: null,
      visibility: 'shared',
      protected: false,
      os_hidden: false,
      min_disk: 0,
      min_ram: 0,
      tags: [],
      properties: {},
      reserved: {},
      tasks: [],
      members: [],
      content: {},
      createdAt: now,
      updatedAt: now,
      ...given,
    };
    this.state.images.set(image.id, image);
    return image;
  }

  /**
   * Adds a member to an image. Only an image with the visibility `shared` has members
   * (https://docs.openstack.org/api-ref/image/v2/#create-image-member).
   */
  private addMember(call: Call, body: Fields): Reply {
    const image = this.find(call);
    const member = asText(body['member']);
    if (member === undefined || member === '') throw new ApiError(400, 'Member to be added not specified');
    if (image.visibility !== 'shared') throw new ApiError(403, 'Only shared images have members.');
    if (image.members.includes(member)) throw new ApiError(409, `Member ${member} is duplicated for image ${image.id}`);
    image.members.push(member);
    return { status: 200, json: { ...memberView(member), image_id: image.id } };
  }

  /** Deletes an image without any check. Afterwards Glance refuses the id of the image for a new image. */
  async remove(image: FakeImage): Promise<void> {
    this.state.images.delete(image.id);
    this.state.deletedImageIds.add(image.id);
    image.status = 'deleted';
    this.imports.stop(image);
    await this.files.remove(image);
  }

  private create(call: Call, body: Fields): Reply {
    const id = asText(body['id']) ?? randomUUID();
    if (!UUID.test(id))
      throw schemaError(
        `'${id}' does not match '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'`,
      );
    const own: Partial<FakeImage> = { tags: [...new Set(asList(body['tags']).map(String))] };
    const properties: Record<string, string> = {};
    for (const [name, value] of Object.entries(body)) {
      if (name === 'id' || name === 'tags') continue;
      checkReserved(name, 'Access was denied to this resource.\n');
      if (READ_ONLY.has(name) && name !== 'owner') throw new ApiError(403, `Attribute '${name}' is read-only.`);
      if (OWN_PROPERTIES.has(name)) Object.assign(own, checkOwnProperty(name, value));
      else if (typeof value === 'string') properties[name] = value;
      else throw schemaError(`${String(value)} is not of type 'string'`);
    }
    checkChoice(own.disk_format ?? null, this.state.diskFormats);
    if (this.state.images.has(id) || this.state.deletedImageIds.has(id))
      throw new ApiError(409, `Image ID ${id} already exists!`);
    const image = this.createImage({ ...own, id, properties });
    return {
      status: 201,
      json: imageView(this.state, image),
      headers: {
        location: `${call.endpoint}/v2/images/${id}`,
        'openstack-image-import-methods': this.imports.methods.join(','),
        'openstack-image-store-ids': STORE,
      },
    };
  }

  private find(call: Call): FakeImage {
    const id = call.params['id'] ?? '';
    const image = this.state.images.get(id);
    if (image === undefined) throw new ApiError(404, `No image found with ID ${id}`);
    return image;
  }

  private async patch(call: Call): Promise<Reply> {
    const type = call.headers['content-type'] ?? '';
    if (!/^application\/openstack-images-v2\.[01]-json-patch$/.test(type)) {
      return {
        ...this.errorReply(unsupportedMediaType(type)),
        headers: {
          'accept-patch': 'application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch',
        },
      };
    }
    const body = await call.json();
    const image = this.find(call);
    Object.assign(image, patchImage(image, body));
    return { status: 200, json: imageView(this.state, image) };
  }

  private async delete(call: Call): Promise<Reply> {
    const image = this.state.images.get(call.params['id'] ?? '');
    if (image === undefined) throw new ApiError(404, `Failed to find image ${call.params['id']} to delete`);
    if (image.protected) throw new ApiError(403, `Image ${image.id} is protected and cannot be deleted.`);
    await this.remove(image);
    return { status: 204 };
  }

  private async upload(call: Call): Promise<Reply> {
    const type = call.headers['content-type'] ?? '';
    if (type !== 'application/octet-stream') throw unsupportedMediaType(type);
    await this.files.receive(this.find(call), call.request);
    return { status: 204 };
  }

  private async import(call: Call): Promise<Reply> {
    const request = this.imports.read(await call.json());
    return this.imports.begin(this.find(call), request, call);
  }

  private tasks(call: Call): Reply {
    const image = this.state.images.get(call.params['id'] ?? '');
    if (image === undefined) throw new ApiError(404, 'The resource could not be found.');
    return this.imports.tasks(image);
  }

  private tag(call: Call): Reply {
    const image = this.find(call);
    image.tags = [...new Set([...image.tags, call.params['tag'] ?? ''])];
    return { status: 204 };
  }

  private untag(call: Call): Reply {
    const image = this.find(call);
    const tag = call.params['tag'] ?? '';
    if (!image.tags.includes(tag)) throw new ApiError(404, 'The resource could not be found.');
    image.tags = image.tags.filter((other) => other !== tag);
    return { status: 204 };
  }

  private activate(call: Call, from: string, to: string): Reply {
    const image = this.find(call);
    if (image.status === from) image.status = to;
    return { status: 204 };
  }
}

function unsupportedMediaType(type: string): ApiError {
  return new ApiError(415, `The request media type ${type} is not supported by this server.`);
}

function versions(call: Call): Fields {
  const links = [{ rel: 'self', href: `${call.endpoint}/v2/` }];
  return {
    versions: VERSIONS.map((minor, index) => ({
      id: `v2.${minor}`,
      status: index === 0 ? 'CURRENT' : 'SUPPORTED',
      links,
    })),
  };
}

function memberView(member: string): Fields {
  return { member_id: member, status: 'pending', schema: '/v2/schemas/member' };
}
