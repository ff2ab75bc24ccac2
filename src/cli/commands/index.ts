import { abort } from './abort.js';
import { baseImage } from './base_image.js';
import { cancel } from './cancel.js';
import type { Command } from './command.js';
import { codec } from './codec.js';
import { completion } from './completion.js';
import { deadline } from './deadline.js';
import { deleteCommand } from './delete.js';
import { dev } from './dev.js';
import { download } from './download.js';
import { gc } from './gc.js';
import { importBaseImage } from './import_base_image.js';
import { images } from './images.js';
import { init } from './init.js';
import { installScript } from './install-script.js';
import { lineage } from './lineage.js';
import { logs } from './logs.js';
import { plugins } from './plugins.js';
import { providerImage } from './provider_image.js';
import { providers } from './providers.js';
import { push } from './push.js';
import { resume } from './resume.js';
import { setup } from './setup.js';
import { ssh } from './ssh.js';
import { status } from './status.js';
import { targetImage } from './target_image.js';
import { targets } from './targets.js';
import { validate } from './validate.js';
import { watch } from './watch.js';
import { worker } from './worker.js';

/** Every subcommand, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  baseImage,
  importBaseImage,
  targetImage,
  providerImage,
  push,
  init,
  validate,
  installScript,
  images,
  lineage,
  download,
  status,
  watch,
  logs,
  resume,
  abort,
  ssh,
  cancel,
  deadline,
  deleteCommand,
  gc,
  plugins,
  targets,
  providers,
  worker,
  dev,
  setup,
  codec,
  completion,
];
