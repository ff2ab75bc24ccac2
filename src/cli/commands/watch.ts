import { findForgottenBuild } from '../../client/index.js';
import { UUID_POSITIONAL, withBuild, type Command } from './command.js';
import { followToEnd, toFollowError } from './follow.js';
import { showImage } from './status.js';

export const watch: Command = {
  usage: 'watch <uuid>',
  summary: 'follow a build to its end, as base_image does',
  positionals: UUID_POSITIONAL,
  examples: [['$0 watch bdd32b97-0e94-473a-b376-74d2da289a2c', 'follow a build again that you left']],
  run: (context) => {
    const watching = withBuild(context, async (client, uuid) => {
      try {
        return await followToEnd(context, client, uuid);
      } catch (error) {
        const image = await findForgottenBuild(client, uuid, error);
        showImage(context, image);
        return image.status === 'COMPLETE' ? 0 : 1;
      }
    });
    const given = String(context.options['uuid']);
    return watching.catch((error: unknown) => Promise.reject(toFollowError(given, error)));
  },
};
