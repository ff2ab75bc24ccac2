import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { FactoryError } from '../domain/errors.js';
import { parseImageSource } from '../domain/image-source.js';
import { IMPORT_FORMATS, UNKNOWN, type ImportFormat, type ImportInput } from '../domain/import-input.js';
import { WORKFLOWS } from '../domain/messages.js';
import { parseParameters } from '../domain/parameters.js';
import { findFamily } from '../os/registry.js';
import { checkGivenImage } from '../planning/given-image.js';
import { type ImportedSystem, writeImportTemplate } from '../planning/import-template.js';
import { startImageWorkflow, type StartedBuild } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { throwIfInvalid } from '../tdl/parse.js';
import type { GivenParameters } from './given-parameters.js';
import { describeUser } from './user.js';

/** A disk that becomes a base image. */
export interface ImportRequest {
  /**
   * Where the disk is: `glance:NAME` or `glance:UUID`; the absolute path of a file on the worker's machine, below a
   * folder that its `--files-from` allows; or an address with http, https or ftp, with the parameter `jeos_checksum`.
   */
  source: string;
  /** Format of the disk in a file: qcow2, raw, vmdk, vdi, vhdx, vpc. Default: told by its first bytes. */
  format?: string | undefined;
  /** Whether an instance of the disk tells its system and its packages. Default true. */
  boots?: boolean | undefined;
  /** The system of the disk, as `NAME-VERSION/ARCH`, such as `debian-12/x86_64`. Only, and always, without a boot. */
  os?: string | undefined;
  /** Parameters that differ from their defaults. */
  parameters?: GivenParameters | undefined;
  /** Name of the cloud on the worker. Default `envvars`. */
  cloud?: string | undefined;
}

/**
 * Checks a request without Temporal and without a cloud.
 * @throws FactoryError InvalidParameter, InvalidInstallScript
 */
export function checkImport(request: ImportRequest): ImportInput {
  const { format, boots = true, os, cloud = 'envvars' } = request;
  const parameters = parseParameters({ ...request.parameters, jeos: request.source });
  const source = parseImageSource(request.source, 'the image');
  checkGivenImage(parameters, parameters.install_script);
  if (parameters.on_error !== 'cleanup') {
    throw refuse(
      `parameter on_error: an import cannot be held or kept`,
      'leave on_error out; to try again, import again',
    );
  }
  if (boots !== (os === undefined)) {
    throw boots
      ? refuse('--os names the system only where no instance tells it', 'leave --os out, or add --no-boot')
      : refuse(
          'without a boot, nobody knows the system of the disk',
          'add --os NAME-VERSION/ARCH, as in --os debian-12/x86_64',
        );
  }
  if (source.kind === 'glance' && (format !== undefined || parameters.image_name !== undefined || parameters.public)) {
    const what = format !== undefined ? 'its format' : parameters.public ? 'its visibility' : 'its name';
    throw refuse(`an image that is in Glance already keeps ${what}`, 'leave --format, image_name and public out');
  }
  const system = os === undefined ? { name: UNKNOWN, version: UNKNOWN, arch: 'x86_64' } : parseSystem(os);
  const address = source.kind === 'glance' ? `glance:${source.name}` : source.url;
  const template = writeImportTemplate(nameImage(address), address, system);
  throwIfInvalid(template, 'the import');
  return {
    uuid: randomUUID(),
    template,
    templateName: request.source,
    parameters,
    cloud,
    boots,
    ...(format === undefined ? {} : { format: parseFormat(format) }),
  };
}

/**
 * Starts to make a base image of a disk that exists. Returns as soon as Temporal has accepted it, even if no worker
 * runs.
 *
 * @example
 * const { uuid } = await startImport(client, {
 *   source: 'glance:debian-12-generic',
 *   parameters: { flavor: 'm1.small', default_user: 'debian', command_prefix: 'sudo' },
 * });
 *
 * @throws FactoryError `InvalidParameter`
 * @throws ClientError when Temporal refuses
 */
export async function startImport(client: ImageFactoryClient, request: ImportRequest): Promise<StartedBuild> {
  const input = checkImport(request);
  const { uuid, cloud, template } = input;
  const { name } = throwIfInvalid(template, 'the import');
  return startImageWorkflow(client, {
    kind: 'base_image',
    workflow: WORKFLOWS.importBaseImage,
    uuid,
    input,
    reusePolicy: 'REJECT_DUPLICATE',
    templateName: name,
    summary: `base image of ${request.source}`,
    details: [
      `Base image of \`${request.source}\` on cloud \`${cloud}\``,
      '',
      `- UUID: \`${uuid}\``,
      `- started by: ${describeUser()}`,
    ].join('\n'),
    memo: { template: request.source, cloud },
  });
}

function refuse(message: string, hint: string): FactoryError {
  return new FactoryError('InvalidParameter', message, { hint });
}

function parseFormat(text: string): ImportFormat {
  const found = IMPORT_FORMATS.find((name) => name === text.toLowerCase());
  if (found !== undefined) return found;
  throw refuse(
    `--format: ${JSON.stringify(text)} is not a format of disks`,
    `write one of ${IMPORT_FORMATS.join(', ')}`,
  );
}

/** Reads `NAME-VERSION/ARCH`. A name that we know gets the spelling of TDL. */
function parseSystem(text: string): ImportedSystem {
  const [, name, version, arch] = /^(.+)-([^-/\s]+)\/([a-z0-9_]+)$/.exec(text.trim()) ?? [];
  if (name === undefined || version === undefined || arch === undefined) {
    throw refuse(`--os: ${JSON.stringify(text)} names no system`, 'write NAME-VERSION/ARCH, as in debian-12/x86_64');
  }
  return { name: findFamily(name)?.names[0] ?? name, version, arch };
}

/** Makes the name of a base image from where its disk is: `debian-12` of `/images/debian-12.qcow2`. */
function nameImage(source: string): string {
  const path = source.startsWith('glance:') ? source.slice('glance:'.length) : decodePath(new URL(source).pathname);
  const name = basename(path).replace(/\.(qcow2|img|raw|vmdk|vdi|vhdx?|vpc)$/i, '');
  return name === '' ? 'imported' : name;
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
