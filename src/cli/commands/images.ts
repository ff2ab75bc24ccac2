import { findImages, type ImageRecord } from '../../client/index.js';
import { findRecordedKind } from '../../domain/image-kinds.js';
import { UsageError } from '../errors.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { formatDocument } from '../documents.js';
import { formatFailureBlock, formatFinalBlock } from '../view/final-block.js';
import { formatImageTable, formatImageTree } from '../view/image-table.js';
import { withClient, type Command, type CommandContext } from './command.js';

export const images: Command = {
  usage: 'images [fetch_spec]',
  summary: 'list images, or show one',
  positionals: {
    fetch_spec: {
      type: 'string',
      describe: 'JSON object: metadata keys and the values that they must have (default: all images)',
    },
  },
  options: {
    tree: { type: 'boolean', describe: 'show each target image below the image that it was made from' },
  },
  examples: [
    ['$0 images', 'list all images; a narrow terminal shows fewer columns than a file or a pipe gets'],
    [`$0 --output json images '{"status": "COMPLETE"}'`, 'list the finished images, for a script'],
    ['$0 images --tree', 'list the base images, each with its target images'],
    [`$0 images '{"identifier": "bdd32b97-0e94-473a-b376-74d2da289a2c"}'`, 'show the details of one image'],
  ],
  run: runImages,
};

async function runImages(context: CommandContext): Promise<number> {
  const spec = parseFetchSpec(context.options['fetch_spec']);
  return withClient(context, async (client) => {
    const found = await findImages(client, spec);
    const { io, settings } = context;
    if (settings.output === 'json') {
      io.out(formatDocument('images', { images: found }));
    } else if (found.length === 0) {
      io.err('No image matches.\n');
    } else {
      const columns = io.outIsTerminal ? process.stdout.columns || 80 : Infinity;
      io.out(context.options['tree'] === true ? formatImageTree(found, columns) : formatImages(found, columns));
    }
    return 0;
  });
}

/** Parses the positional `fetch_spec`. @throws UsageError when it is not a JSON object */
function parseFetchSpec(given: unknown): Record<string, unknown> {
  if (given === undefined) return {};
  const hint = `write a JSON object, for instance '{"status": "COMPLETE"}'`;
  let spec: unknown;
  try {
    spec = JSON.parse(String(given));
  } catch (error) {
    throw new UsageError(`fetch_spec is not JSON: ${(error as Error).message}`, { hint });
  }
  if (typeof spec === 'object' && spec !== null && !Array.isArray(spec)) return spec as Record<string, unknown>;
  throw new UsageError('fetch_spec is not a JSON object', { hint });
}

/**
 * Formats one image as the block that ends a build, and several images as a table.
 *
 * @param columns width of the terminal. Default: no limit
 */
export function formatImages(found: ImageRecord[], columns = Infinity): string {
  const [only] = found;
  return only !== undefined && found.length === 1 ? formatDetails(only) : formatImageTable(found, columns);
}

function formatDetails(image: ImageRecord): string {
  const { identifier, status, status_detail: detail, percent_complete: percent } = image;
  if (status === 'COMPLETE') {
    return formatFinalBlock({
      uuid: identifier,
      type: findRecordedKind(image.type),
      filename: image.data ?? '',
      ...(image.identifier_on_provider === undefined ? {} : { idOnProvider: image.identifier_on_provider }),
      glanceId: image.glance_id ?? '',
      checksum: image.checksum ?? (image.sha256 === undefined ? null : { algorithm: 'sha256', value: image.sha256 }),
      downloaded: image.downloaded === true,
    });
  }
  const head = `\nUUID: ${toPlainLine(identifier)}\nType: ${findRecordedKind(image.type)}\nStatus: ${toPlainLine(status ?? '')}`;
  if (status === 'FAILED') return head + formatFailureBlock(detail?.error ?? 'no reason is recorded');
  return `${head}\nPercent complete: ${percent ?? ''}\nActivity: ${toPlainLine(detail?.activity ?? '')}\n`;
}
