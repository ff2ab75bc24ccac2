import { findImages, type ImageRecord } from '../../client/index.js';
import { findRecordedKind } from '../../domain/image-kinds.js';
import { UsageError } from '../errors.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { formatDocument } from '../documents.js';
import { formatTable } from '../output.js';
import { formatFailureBlock, formatFinalBlock } from '../view/final-block.js';
import { clip } from '../view/text.js';
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
    ['$0 images', 'list all images; a narrow terminal shows fewer columns than a file or a pipe gets'],
    [`$0 --output json images '{"status": "COMPLETE"}'`, 'list the finished images, for a script'],
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
      io.out(formatImages(found, io.outIsTerminal ? process.stdout.columns || 80 : Infinity));
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

/** The columns of the table, in order. */
const COLUMNS: Record<string, (image: ImageRecord) => string> = {
  UUID: ({ identifier }) => identifier,
  STATUS: ({ status }) => status ?? '',
  OS: ({ os }) => [os?.name, os?.version, os?.arch].filter(Boolean).join(' '),
  NAME: ({ name = '', target }) => (target === undefined ? name : `${name} (${target})`),
  'CREATED (UTC)': ({ created_at: createdAt }) => (createdAt ?? '').slice(0, 16).replace('T', ' '),
  'GLANCE IMAGE': ({ glance_id: glanceId }) => glanceId || '-',
};

/** The column that is cut where the table is too wide, and the width that it keeps. Ids are never cut. */
const CUT = 'NAME';
const SHORTEST_CUT = 12;

/** The columns that a terminal lacks when it is too narrow for all of them: each row is tried in order. */
const LEFT_OUT = [[], ['OS'], ['OS', 'GLANCE IMAGE']];

/**
 * Formats one image as the block that ends a build, and several images as a table.
 *
 * @param columns width of the terminal, for which the table leaves out columns and cuts names. Default: no limit
 */
export function formatImages(found: ImageRecord[], columns = Infinity): string {
  const [only] = found;
  if (only !== undefined && found.length === 1) return formatDetails(only);
  const cells = new Map(Object.entries(COLUMNS).map(([title, read]) => [title, found.map(read).map(toPlainLine)]));
  const widthOf = (title: string): number => Math.max(...[title, ...(cells.get(title) ?? [])].map(countCharacters));
  const spareFor = (titles: string[]): number =>
    columns - titles.filter((title) => title !== CUT).reduce((width, title) => width + widthOf(title) + 2, 0);
  const choices = LEFT_OUT.map((out) => Object.keys(COLUMNS).filter((title) => !out.includes(title)));
  const needed = Math.min(widthOf(CUT), SHORTEST_CUT);
  const titles = choices.find((choice) => spareFor(choice) >= needed) ?? choices.at(-1) ?? [];
  const width = Math.max(spareFor(titles), needed);
  const rows = found.map((_image, row) =>
    titles.map((title) => {
      const cell = cells.get(title)?.[row] ?? '';
      return title === CUT ? clip(cell, width) : cell;
    }),
  );
  return formatTable(titles, rows);
}

function countCharacters(text: string): number {
  return [...text].length;
}

function formatDetails(image: ImageRecord): string {
  const { identifier, status, status_detail: detail, percent_complete: percent } = image;
  if (status === 'COMPLETE') {
    return formatFinalBlock({
      uuid: identifier,
      type: findRecordedKind(image.type),
      filename: image.data ?? '',
      glanceId: image.glance_id ?? '',
      checksum: image.checksum ?? (image.sha256 === undefined ? null : { algorithm: 'sha256', value: image.sha256 }),
      downloaded: image.downloaded === true,
    });
  }
  const head = `\nUUID: ${toPlainLine(identifier)}\nType: ${findRecordedKind(image.type)}\nStatus: ${toPlainLine(status ?? '')}`;
  if (status === 'FAILED') return head + formatFailureBlock(detail?.error ?? 'no reason is recorded');
  return `${head}\nPercent complete: ${percent ?? ''}\nActivity: ${toPlainLine(detail?.activity ?? '')}\n`;
}
