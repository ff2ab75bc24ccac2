import { TARGETS } from '../../client/index.js';
import { formatDocument } from '../documents.js';
import { formatTable } from '../output.js';
import type { Command } from './command.js';

export const targets: Command = {
  usage: 'targets',
  summary: 'show for which clouds and hypervisors target images can be made',
  run: ({ io, settings }) => {
    if (settings.output === 'json') {
      const list = TARGETS.map(({ name, aliases, title, format, verified, notVerified = null }) => ({
        name,
        aliases: [...aliases],
        title,
        format,
        verified_by: verified,
        not_verified_on: notVerified,
      }));
      io.out(formatDocument('targets', { targets: list }));
      return Promise.resolve(0);
    }
    const rows = TARGETS.map(({ name, aliases, format, title }) => [name, aliases.join(', '), format, title]);
    io.out(formatTable(['TARGET', 'OTHER NAMES', 'FORMAT', 'FOR'], rows));
    return Promise.resolve(0);
  },
};
