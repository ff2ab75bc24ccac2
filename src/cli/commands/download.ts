import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildNotFoundError, findImage, listWorkerHosts, type ImageFactoryClient } from '../../client/index.js';
import { toFileName } from '../../domain/file-name.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { lastValue } from '../config.js';
import { formatDocument, formatFailedDocument } from '../documents.js';
import { findSource, type OpenSource } from '../download/find-source.js';
import { passImage, refuseExisting, saveImage, type Saved, type SaveOptions } from '../download/save-image.js';
import { UsageError } from '../errors.js';
import { STANDARD_OUTPUT } from '../parameters.js';
import { createTransferView } from '../view/transfer.js';
import { UUID_POSITIONAL, withBuild, type Command, type CommandContext } from './command.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

/** Exit codes when a signal ended the command: as in shells, 128 plus the number of the signal. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

export const download: Command = {
  usage: 'download <uuid> [file]',
  summary: 'write the file of a base image or a target image',
  positionals: {
    ...UUID_POSITIONAL,
    file: {
      type: 'string',
      describe: 'file or folder to write to; - is standard output (default: TEMPLATE-TARGET.FORMAT in this folder)',
    },
  },
  options: {
    force: { type: 'boolean', describe: 'replace a file that exists' },
    cloud: {
      type: 'string',
      requiresArg: true,
      describe: 'cloud of your clouds.yaml that has the image (default: the one with the name that the build used)',
    },
    'storage-path': {
      type: 'string',
      requiresArg: true,
      describe: 'storage directory of the workers, where this machine has it (DIR)',
    },
  },
  notes: [
    'The bytes come from the storage directory, if this machine has it, else from Glance, with your own credentials',
    '(clouds.yaml, OS_*). Their digest is checked. An interrupted download leaves a file that ends in .part; the same',
    'command goes on at its end.',
  ],
  examples: [
    [`$0 download ${EXAMPLE}`, ''],
    [`$0 download ${EXAMPLE} images/debian.qcow2 --force`, 'under another name, instead of the file that is there'],
    [`OS_CLOUD=prod $0 download ${EXAMPLE} - | ssh host 'cat > debian.qcow2'`, 'without a file on this machine'],
  ],
  run: runDownload,
};

async function runDownload(context: CommandContext): Promise<number> {
  const { io, settings } = context;
  const isOutput = lastValue(context.options['file']) === STANDARD_OUTPUT;
  if (isOutput && io.outIsTerminal) {
    throw new UsageError('an image cannot be written to a terminal', { hint: 'write it to a file, or to a pipe' });
  }
  if (isOutput && settings.output === 'json') {
    throw new UsageError('the image and the JSON document cannot both be written to standard output', {
      hint: 'write the image to a file, or leave out --output json',
    });
  }
  return withBuild(context, (client, uuid) => downloadImage(context, client, uuid), { forgotten: true });
}

async function downloadImage(context: CommandContext, client: ImageFactoryClient, uuid: string): Promise<number> {
  const { io, settings, options } = context;
  const record = await findImage(client, uuid);
  if (record === undefined) throw new BuildNotFoundError(uuid, { hint: '`imagefactory images` lists the images in the store' }); // prettier-ignore
  const found = await findSource(record, {
    env: io.env,
    storagePath: settings.storagePath,
    cloud: lastValue(options['cloud']) as string | undefined,
    otherCloud: settings.cloud,
    listHosts: () => listWorkerHosts(client),
  });
  const abort = new AbortController();
  const message = 'the download was interrupted';
  const hint = 'give the same command again: it goes on where this one stopped';
  let exitCode = 0;
  const stopListening = io.onInterrupt((signal) => {
    exitCode = SIGNALS[signal];
    abort.abort(new Error(message));
  });
  try {
    await write(context, uuid, found, abort.signal);
    return 0;
  } catch (error) {
    if (exitCode === 0) throw error;
    const document = { identifier: uuid, status: 'FAILED', error: { type: 'Interrupted', message, hint } } as const;
    if (settings.output === 'json') io.out(formatFailedDocument(document));
    io.err(`imagefactory: ${message}\n  ${hint}\n`);
    return exitCode;
  } finally {
    stopListening();
    await found.close();
  }
}

async function write(context: CommandContext, uuid: string, found: OpenSource, signal: AbortSignal): Promise<void> {
  const { io, settings, options } = context;
  const { source, from, output } = found;
  const given = lastValue(options['file']) as string | undefined;
  if (given === STANDARD_OUTPUT) {
    await transfer(context, found, signal, (save) => passImage(source, (chunk) => io.outBytes(chunk), save));
    return;
  }
  const path = await choosePath(given, output.name);
  const force = options['force'] === true;
  await refuseExisting(path, force);
  // Two images may be meant for the same file, so the name of the unfinished file has the UUID.
  const part = `${path}.${uuid.slice(0, 8)}.part`;
  const { size, resumedAt } = await transfer(context, found, signal, (save) =>
    saveImage(source, { path, part, force }, save),
  );
  const { digest } = source;
  const checked = digest === undefined ? 'no digest is known' : `${digest.algorithm} checked`;
  io.out(
    settings.output === 'json'
      ? formatDocument('download', {
          identifier: uuid,
          file: path,
          size,
          digest: digest ?? null,
          from,
          resumed_at: resumedAt,
        })
      : `Downloaded image ${uuid} to ${toPlainLine(path)}: ${size} bytes, ${checked}\n`,
  );
}

/** Runs a transfer, and shows its progress. */
async function transfer(
  { io }: CommandContext,
  { source }: OpenSource,
  signal: AbortSignal,
  run: (options: SaveOptions) => Promise<Saved>,
): Promise<Saved> {
  const view = createTransferView(io, toPlainLine(source.name), source.size);
  try {
    return await run({ signal, onProgress: (bytes) => view.show(bytes) });
  } finally {
    view.close();
  }
}

async function choosePath(given: string | undefined, name: string): Promise<string> {
  // The name comes from a record. It must not lead out of the folder.
  const own = toFileName(name);
  if (given === undefined) return own;
  if (given.trim() === '') throw new UsageError('the name of the file is empty');
  const isFolder = await stat(given).then((found) => found.isDirectory(), () => false); // prettier-ignore
  return isFolder ? join(given, own) : given;
}
