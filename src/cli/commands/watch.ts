import { UUID_POSITIONAL, parseUuidArgument, withClient, type Command } from './command.js';
import { imageFromRecord } from '../../client/images.js';
import { follow } from './follow.js';
import { showImage } from './status.js';

export const watch: Command = {
  usage: 'watch <uuid>',
  summary: 'follow a build to its end, as base_image does',
  positionals: UUID_POSITIONAL,
  examples: [['$0 watch bdd32b97-0e94-473a-b376-74d2da289a2c', 'come back to a build that you left']],
  run: (context) => {
    const uuid = parseUuidArgument(context);
    return withClient(context, async (factory) => {
      try {
        return await follow(context, factory, uuid);
      } catch (error) {
        const image = await imageFromRecord(factory, uuid, error);
        showImage(context, image);
        return image['status'] === 'COMPLETE' ? 0 : 1;
      }
    });
  },
};
