import { checkTemplate, findWorkflowId, resumeBuild } from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { formatDocument } from '../documents.js';
import { PARAMETER_OPTIONS, readParameters, readTemplateArgument } from '../parameters.js';
import { UUID_POSITIONAL, warnOfSecrets, withBuild, type Command, type CommandContext } from './command.js';
import { followToEnd } from './follow.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const resume: Command = {
  usage: 'resume <uuid>',
  summary: 'resume a build that is held, or that has ended without an image',
  positionals: UUID_POSITIONAL,
  options: {
    ...PARAMETER_OPTIONS,
    template: {
      type: 'string',
      requiresArg: true,
      describe: 'TDL file that replaces the template from here on (FILE)',
    },
    skip: { type: 'boolean', describe: 'skip the step that has failed (only for a held build)' },
    from: {
      type: 'string',
      requiresArg: true,
      describe: 'repeat the build from this point: jeos, customise, or the name of a step (only for an ended build)',
    },
    detach: { type: 'boolean', describe: 'return at once; the build goes on' },
  },
  examples: [
    [`$0 resume ${EXAMPLE}`, 'try the failed step again'],
    [`$0 resume ${EXAMPLE} --template debian.tdl`, 'the same with a corrected template'],
    [`$0 resume ${EXAMPLE} --skip`, 'skip the failed command'],
    [`$0 resume ${EXAMPLE} --from customise`, 'boot a new instance from the installed system'],
  ],
  run: runResume,
};

async function runResume(context: CommandContext): Promise<number> {
  const { io, settings, options } = context;
  const template = options['template'] === undefined ? undefined : readTemplateArgument(String(options['template']));
  const parameters = readParameters(options);
  const from = options['from'] === undefined ? undefined : String(options['from']);
  const parsed = template === undefined ? undefined : checkTemplate(template.text).template;
  warnOfSecrets(context, parsed, parameters.install_script ?? undefined);
  return withBuild(context, async (client, uuid) => {
    const change = { template, parameters, skip: options['skip'] === true, from };
    const message = await resumeBuild(client, uuid, change);
    if (options['detach'] !== true) {
      io.err(`${toPlainLine(message)}\n`);
      return followToEnd(context, client, uuid);
    }
    const document = { identifier: uuid, status: 'BUILDING', workflow_id: await findWorkflowId(client, uuid) } as const;
    io.out(
      settings.output === 'json'
        ? formatDocument('resume', { ...document, resumed: message })
        : `${toPlainLine(message)}\n`,
    );
    return 0;
  });
}
