/**
 * Starts a build, follows it, and prints the id of its image in Glance.
 *
 * TEMPORAL_ADDRESS names the Temporal server (default: localhost:7233). IMAGEFACTORY_TASK_QUEUE names the task queue of
 * the workers, when it is not the default one. No credentials of the cloud are needed here: the workers have them.
 */
import { connectImageFactory, followBuild, ImageFactoryError, startBuild, waitForImage } from 'imagefactory-nova';

const [templateFile, scriptFile] = process.argv.slice(2);
if (templateFile === undefined || scriptFile === undefined) {
  console.error('usage: client-script TEMPLATE INSTALL_SCRIPT');
  process.exit(2);
}

const client = await connectImageFactory({ taskQueue: process.env['IMAGEFACTORY_TASK_QUEUE'] });
try {
  const { uuid } = await startBuild(client, {
    template: { file: templateFile },
    installScript: { file: scriptFile },
    parameters: { flavor: 'm1.small', default_user: 'debian', command_prefix: 'sudo' },
  });
  console.error(`build ${uuid} has started`);

  let shown = '';
  for await (const { status, workers } of followBuild(client, uuid)) {
    if (workers === false) console.error('no worker polls the task queue');
    const title = status?.steps.at(-1)?.title ?? '';
    if (title !== shown) console.error(`${status?.percent} % ${title}`);
    shown = title;
  }

  const image = await waitForImage(client, uuid);
  console.log(image.glanceId);
} catch (error) {
  if (!(error instanceof ImageFactoryError)) throw error;
  console.error(`${error.type}: ${error.message}`);
  if (error.hint !== undefined) console.error(error.hint);
  process.exitCode = 1;
} finally {
  await client.close();
}
