import { cancelBuild } from '../../client/index.js';
import { formatJson } from '../output.js';
import { UUID_POSITIONAL, parseUuidArgument, withClient, type Command } from './command.js';
import { followToEnd } from './follow.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const cancel: Command = {
  usage: 'cancel <uuid>',
  summary: 'cancel a build; it removes what it has made, and says what that was',
  positionals: UUID_POSITIONAL,
  options: { detach: { type: 'boolean', describe: 'return as soon as the build has been asked to cancel' } },
  examples: [[`$0 cancel ${EXAMPLE}`, '']],
  run: (context) => {
    const uuid = parseUuidArgument(context);
    const { io, settings, options } = context;
    return withClient(context, async (client) => {
      await cancelBuild(client, uuid);
      const message = `Build ${uuid} was asked to cancel; it removes what it has made.`;
      if (options['detach'] !== true) {
        io.err(`${message}\n`);
        return followToEnd(context, client, uuid, 'CANCELED');
      }
      const text = `${message} To see it end: imagefactory watch ${uuid}\n`;
      io.out(settings.output === 'json' ? formatJson({ identifier: uuid, cancel_requested: true }) : text);
      return 0;
    });
  },
};
