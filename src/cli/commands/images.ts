import { UsageError } from '../../client/errors.js';
import { findImages, type ImageMetadata } from '../../client/images.js';
import { failureBlock, finalBlock, jsonDocument, table } from '../output.js';
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
  examples: [
    ['$0 images', 'list everything'],
    [`$0 --output json images '{"status": "COMPLETE"}'`, 'the finished ones, for a script'],
    [`$0 images '{"identifier": "bdd32b97-0e94-473a-b376-74d2da289a2c"}'`, 'the details of one'],
  ],
  run: runImages,
};

async function runImages(context: CommandContext): Promise<number> {
  const spec = fetchSpec(context.options['fetch_spec']);
  return withClient(context, async (factory) => {
    const found = await findImages(factory, spec);
    const { io, settings } = context;
    if (settings.output === 'json') {
      io.out(jsonDocument(imagesDocument(found)));
    } else if (found.length === 0) {
      io.err('No image matches.\n');
    } else {
      io.out(imagesText(found));
    }
    return 0;
  });
}

/** The query. @throws UsageError when it is no JSON object */
export function fetchSpec(given: unknown): Record<string, unknown> {
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

/** One match is the image itself, several are a list, none is an empty object: imagefactory's three shapes. */
export function imagesDocument(found: ImageMetadata[]): unknown {
  const [only] = found;
  if (only === undefined) return {};
  return found.length === 1 ? only : { images: found };
}

/** One match as the block that its build printed, several as a table. */
export function imagesText(found: ImageMetadata[]): string {
  const [only] = found;
  if (only !== undefined && found.length === 1) return detailsText(only);
  const rows = found.map((image) => [
    text(image['identifier']),
    text(image['status']),
    osText(image['os']),
    text(image['name']),
    text(image['created_at']).slice(0, 16).replace('T', ' '),
    text(image['glance_id']) || '-',
  ]);
  return table(['UUID', 'STATUS', 'OS', 'NAME', 'CREATED (UTC)', 'GLANCE IMAGE'], rows);
}

function detailsText(image: ImageMetadata): string {
  const detail = (image['status_detail'] ?? {}) as { activity?: string; error?: string | null };
  if (image['status'] === 'COMPLETE') {
    return finalBlock({
      uuid: text(image['identifier']),
      type: 'base_image',
      filename: text(image['data']),
      glanceId: text(image['glance_id']),
      checksum: (image['checksum'] ?? null) as { algorithm: string; value: string } | null,
    });
  }
  const head = `\nUUID: ${text(image['identifier'])}\nType: base_image\nStatus: ${text(image['status'])}`;
  if (image['status'] === 'FAILED') return head + failureBlock(detail.error ?? 'no reason is recorded');
  return `${head}\nPercent complete: ${text(image['percent_complete'])}\nActivity: ${detail.activity ?? ''}\n`;
}

function osText(os: unknown): string {
  const { name, version, arch } = (os ?? {}) as { name?: string; version?: string; arch?: string };
  return [name, version, arch].filter(Boolean).join(' ');
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}
