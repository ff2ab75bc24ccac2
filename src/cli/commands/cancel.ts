import { cancelBuild, findWorkflowId } from '../../client/index.js';
import { formatDocument } from '../documents.js';
import { UUID_POSITIONAL, withBuild, type Command } from './command.js';
import { followToEnd } from './follow.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const cancel: Command = {
  usage: 'cancel <uuid>',
  summary: 'cancel a build; the build removes its resources, and the command lists them',
  positionals: UUID_POSITIONAL,
  options: { detach: { type: 'boolean', describe: 'return as soon as Temporal has accepted the request' } },
  examples: [[`$0 cancel ${EXAMPLE}`, '']],
  run: (context) => {
    const { io, settings, options } = context;
    return withBuild(context, async (client, uuid) => {
      await cancelBuild(client, uuid);
      const message = `The cancellation of build ${uuid} is requested; the build removes its resources.`;
      if (options['detach'] !== true) {
        io.err(`${message}\n`);
        return followToEnd(context, client, uuid, { expected: 'CANCELED' });
      }
      const text = `${message} To follow it to its end: imagefactory watch ${uuid}\n`;
      const document = {
        identifier: uuid,
        status: 'BUILDING',
        workflow_id: await findWorkflowId(client, uuid),
      } as const;
      io.out(settings.output === 'json' ? formatDocument('cancel', { ...document, cancel_requested: true }) : text);
      return 0;
    });
  },
};
