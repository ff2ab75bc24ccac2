import { cancelBuild } from '../builds.js';
import { jsonDocument } from '../output.js';
import { UUID_POSITIONAL, uuidOf, withFactory, type Command } from './command.js';

export const cancel: Command = {
  usage: 'cancel <uuid>',
  summary: 'cancel a build; it removes what it has made',
  positionals: UUID_POSITIONAL,
  examples: [['$0 cancel bdd32b97-0e94-473a-b376-74d2da289a2c', '']],
  run: (context) => {
    const uuid = uuidOf(context);
    return withFactory(context, async (factory) => {
      await cancelBuild(factory, uuid);
      const said = `Build ${uuid} was asked to cancel; it removes what it has made. To see it end: imagefactory watch ${uuid}\n`;
      context.io.out(
        context.settings.output === 'json' ? jsonDocument({ identifier: uuid, cancel_requested: true }) : said,
      );
      return 0;
    });
  },
};
