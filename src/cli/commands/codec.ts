import { lastValue, loadPayloadKeys } from '../config.js';
import { UsageError } from '../errors.js';
import { formatDocument } from '../documents.js';
import type { Command, CommandContext } from './command.js';

/**
 * Environment variable with the codec server's token. There is no option for the token, because every user of the
 * machine can read a command line.
 */
const TOKEN_VARIABLE = 'IMAGEFACTORY_CODEC_TOKEN';
/** Origins of the development server's UI. A browser treats the two names of the loopback address as two origins. */
const DEVELOPMENT_UI = ['http://127.0.0.1:8233', 'http://localhost:8233'];

export const codec: Command = {
  usage: 'codec <action>',
  summary: 'make a key that encrypts payloads, or decrypt payloads for the Temporal UI',
  positionals: { action: { type: 'string', choices: ['new-key', 'serve'], describe: 'what to do' } },
  options: {
    id: { type: 'string', requiresArg: true, describe: 'new-key: id of the key (default: the date and a random end)' },
    address: {
      type: 'string',
      requiresArg: true,
      describe: 'serve: HOST:PORT to listen at (default 127.0.0.1:8888)',
    },
    ui: {
      type: 'string',
      requiresArg: true,
      describe:
        'serve: origin of a Temporal UI that may send requests, repeatable (default: --ui-address, else the development server’s)',
    },
  },
  examples: [
    ['$0 codec new-key > payload.keys; chmod 0600 payload.keys', 'make a file with one key'],
    ['$0 --payload-keys payload.keys codec serve', 'then set http://127.0.0.1:8888 as the UI’s codec endpoint'],
  ],
  run: (context) => (String(context.options['action']) === 'serve' ? serve(context) : newKey(context)),
};

async function newKey({ io, settings, options }: CommandContext): Promise<number> {
  const { generateKeyLine: newKeyLine } = await import('../../codec/keys.js');
  const line = newKeyLine(lastValue(options['id']) as string | undefined);
  io.out(
    settings.output === 'json'
      ? formatDocument('codec', { action: 'new-key', id: line.split(':')[0], line })
      : `${line}\n`,
  );
  return 0;
}

/** Runs the codec server until Ctrl-C or SIGTERM. */
async function serve(context: CommandContext): Promise<number> {
  const { io, settings, options } = context;
  const keys = loadPayloadKeys(settings, io.env);
  if (keys === undefined) {
    throw new UsageError('the codec server cannot decrypt, because no payload keys are given', {
      hint: 'give them with --payload-keys FILE or IMAGEFACTORY_PAYLOAD_KEYS; `imagefactory codec new-key` makes a key',
    });
  }
  const { serveCodec } = await import('../../codec/server.js');
  const { parseAddress } = await import('../../worker/address.js');
  const given = (lastValue(options['address']) as string | undefined) ?? '127.0.0.1:8888';
  const { host, port } = parseAddress(given, '--address');
  const token = io.env[TOKEN_VARIABLE] || undefined;
  const { place, addresses } = findOrigins(context);
  const served = await serveCodec({
    keys,
    host,
    port,
    origins: addresses.map((address) => parseOrigin(place, address)),
    ...(token === undefined ? {} : { token }),
  });
  const withToken = token === undefined ? '' : `, with the token of ${TOKEN_VARIABLE}`;
  io.err(`Codec server http://${host}:${served.port} for ${addresses.join(', ')}${withToken}; Ctrl-C ends it\n`);
  await new Promise<void>((resolve) => {
    const stopListening = io.onInterrupt(() => {
      stopListening();
      resolve();
    });
  });
  served.server.close();
  served.server.closeAllConnections();
  if (settings.output === 'json') {
    io.out(formatDocument('codec', { action: 'serve', address: `http://${host}:${served.port}`, origins: addresses }));
  }
  return 0;
}

/**
 * Finds the addresses of the UIs that may send requests. `place` is the setting that gives these addresses; error
 * messages name it.
 */
function findOrigins({ io, settings, options }: CommandContext): { place: string; addresses: string[] } {
  if (options['ui'] !== undefined) return { place: '--ui', addresses: [options['ui']].flat().map(String) };
  if (settings.uiAddress === undefined) return { place: 'the default', addresses: DEVELOPMENT_UI };
  const inEnvironment = io.env['TEMPORAL_UI_ADDRESS'] ? 'TEMPORAL_UI_ADDRESS' : 'ui_address in the configuration file';
  const place = options['ui-address'] === undefined ? inEnvironment : '--ui-address';
  return { place, addresses: [settings.uiAddress] };
}

/**
 * Converts the address of a web page to its origin, which a browser sends with its requests.
 *
 * @param place where the address was given
 * @throws UsageError when the address has no origin
 */
function parseOrigin(place: string, address: string): string {
  const origin = URL.canParse(address) ? new URL(address).origin : 'null';
  if (origin !== 'null') return origin;
  throw new UsageError(`${place}: ${JSON.stringify(address)} is not an origin`, { hint: 'write http://HOST:PORT' });
}
