import { abortBuild } from '../../client/index.js';
import { formatDocument } from '../documents.js';
import { UUID_POSITIONAL, withBuild, type Command } from './command.js';

export const abort: Command = {
  usage: 'abort <uuid>',
  summary: 'give up a held build; the build removes its resources from the cloud',
  positionals: UUID_POSITIONAL,
  examples: [['$0 abort bdd32b97-0e94-473a-b376-74d2da289a2c', '']],
  run: (context) => {
    return withBuild(context, async (client, uuid) => {
      await abortBuild(client, uuid);
      const text = `Build ${uuid} is given up, and removes its resources. To follow it to its end: imagefactory watch ${uuid}\n`;
      context.io.out(
        context.settings.output === 'json' ? formatDocument('abort', { identifier: uuid, aborted: true }) : text,
      );
      return 0;
    });
  },
};
