import { UUID_POSITIONAL, uuidOf, withFactory, type Command } from './command.js';
import { follow } from './follow.js';

export const watch: Command = {
  usage: 'watch <uuid>',
  summary: 'follow a build to its end, as base_image does',
  positionals: UUID_POSITIONAL,
  examples: [['$0 watch bdd32b97-0e94-473a-b376-74d2da289a2c', 'come back to a build that you left']],
  run: (context) => {
    const uuid = uuidOf(context);
    return withFactory(context, (factory) => follow(context, factory, uuid));
  },
};
