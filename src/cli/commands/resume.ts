import { checkTemplate, templateText } from '../../client/check-files.js';
import { resumeBuild } from '../../client/resume.js';
import { jsonDocument } from '../output.js';
import { givenParameters, PARAMETER_OPTIONS } from '../parameters.js';
import {
  UUID_POSITIONAL,
  parseUuidArgument,
  warnOfSecrets,
  withClient,
  type Command,
  type CommandContext,
} from './command.js';
import { follow } from './follow.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const resume: Command = {
  usage: 'resume <uuid>',
  summary: 'let a build go on that is held, or that has ended without an image',
  positionals: UUID_POSITIONAL,
  options: {
    ...PARAMETER_OPTIONS,
    template: {
      type: 'string',
      requiresArg: true,
      describe: 'TDL file that replaces the template from here on (FILE)',
    },
    skip: { type: 'boolean', describe: 'leave the step out that has failed (of a held build)' },
    from: {
      type: 'string',
      requiresArg: true,
      describe:
        'do this and what follows anew, though it exists: jeos, customise, or the name of a step (of an ended build)',
    },
    detach: { type: 'boolean', describe: 'return at once; the build goes on' },
  },
  examples: [
    [`$0 resume ${EXAMPLE}`, 'try the step again that has failed'],
    [`$0 resume ${EXAMPLE} --template debian.tdl`, 'the same with a corrected template'],
    [`$0 resume ${EXAMPLE} --skip`, 'leave the command out that has failed'],
    [`$0 resume ${EXAMPLE} --from customise`, 'boot a new instance from the installed system'],
  ],
  run: runResume,
};

async function runResume(context: CommandContext): Promise<number> {
  const { io, settings, options } = context;
  const uuid = parseUuidArgument(context);
  const from = options['from'] === undefined ? undefined : String(options['from']);
  const change = {
    ...readTemplateOption(options['template']),
    parameters: givenParameters(options),
    skip: options['skip'] === true,
    ...(from === undefined ? {} : { from }),
  };
  const parsed = change.template === undefined ? undefined : checkTemplate(change.template).template;
  warnOfSecrets(context, parsed, change.parameters['install_script'] as string | undefined);
  return withClient(context, async (factory) => {
    const said = await resumeBuild(factory, uuid, change);
    if (options['detach'] !== true) {
      io.err(`${said}\n`);
      return follow(context, factory, uuid);
    }
    io.out(settings.output === 'json' ? jsonDocument({ identifier: uuid, resumed: said }) : `${said}\n`);
    return 0;
  });
}

function readTemplateOption(file: unknown): { template?: string; templateName?: string } {
  if (file === undefined) return {};
  const templateName = String(file);
  return { template: templateText(templateName), templateName };
}
