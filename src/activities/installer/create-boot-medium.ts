import type { BuildRef } from '../../domain/names.js';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../../domain/errors.js';
import { fetchToFile } from '../../media/fetch.js';
import { fetchFtpFolder } from '../../media/ftp-folder.js';
import { readIsoInfo, parseIsoPath, remasterIso, type RemasterOptions } from '../../media/iso.js';
import { isLocalFile } from '../../media/local-file.js';
import { copyLocalFolder } from '../../media/local-folder.js';
import { readFileName, redactUrl } from '../../media/urls.js';
import { type BootMethod, usesOurBootLoader, listStubFirmwares } from '../../os/installer/boot-method.js';
import type { InstallerPlan, InstallMedium } from '../../os/installer/types.js';
import type { Extra, Template } from '../../tdl/types.js';
import { withScratchFolder } from '../media/scratch-folder.js';
import { downloadImage } from '../images/download-image.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import type { BuildDocuments } from '../shared/build-documents.js';
import { ensureRunImage } from '../images/ensure-run-image.js';

/** The largest size in bytes of one extra file or folder of a template. */
const LARGEST_EXTRA = 4 * 1024 ** 3;

/** The plan of an installer that installs the system from a medium. */
export type MediumInstallerPlan = InstallerPlan & { medium: InstallMedium };

/**
 * Returns the Glance id of the medium for the installer's drive: the unchanged medium, or a copy that is remade for
 * this build.
 */
export async function createBootMedium(
  deps: Deps,
  build: BuildDocuments,
  { ref, isoId }: { ref: BuildRef; isoId: string },
  plan: MediumInstallerPlan,
  method: BootMethod,
): Promise<string> {
  const template = await build.template();
  if (!needsRemaking(template, plan, method)) return isoId;
  return withScratchFolder(deps, ref, 'medium', async (folder) => {
    const source = await downloadImage(deps, ref.cloud, isoId, join(folder, 'source.iso'));
    await rejectUdf(source, plan.medium);
    const files = await writeMediumFiles(deps, build, plan, folder);
    const boot = buildBootEntry(plan, method, template);
    const open = await remasterIso({
      source,
      files,
      folder,
      signal: cancellationSignal(),
      ...(boot === undefined ? {} : { boot }),
    });
    return ensureRunImage(deps, ref, { name: 'boot-medium', format: 'iso', content: { open } });
  });
}

function needsRemaking({ os }: Template, plan: MediumInstallerPlan, method: BootMethod): boolean {
  if (plan.medium.script?.beside !== undefined) return false;
  const startsIt = method === 'iso' && (plan.medium.boots !== undefined || plan.medium.files !== undefined);
  return startsIt || plan.scriptTransport === 'medium' || os.install.extras.length > 0;
}

async function rejectUdf(path: string, { url }: InstallMedium): Promise<void> {
  if (!(await readIsoInfo(path, url)).udf) return;
  throw new FactoryError(
    'UnsupportedOs',
    `${redactUrl(url)} is a UDF medium, and imagefactory cannot add files to such a medium`,
    {
      hint: 'remove <extras> from the template, and choose a script_transport other than medium',
    },
  );
}

function buildBootEntry(
  { medium, commandLine }: MediumInstallerPlan,
  method: BootMethod,
  { os }: Template,
): RemasterOptions['boot'] {
  if (method !== 'iso' || medium.boots === undefined || !usesOurBootLoader(method, { medium })) return undefined;
  return { ...medium.boots, commandLine, firmwares: listStubFirmwares(os.arch) };
}

/**
 * Writes the files for a medium to `folder`, and returns their paths: first the files of the OS family, then the
 * install script, then the template's extras.
 */
export async function writeMediumFiles(
  deps: Deps,
  build: BuildDocuments,
  { medium, scriptTransport }: MediumInstallerPlan,
  folder: string,
): Promise<RemasterOptions['files']> {
  const { os } = await build.template();
  const files: RemasterOptions['files'] = [];
  const write = async (path: string, content: string | Buffer): Promise<void> => {
    const from = join(folder, `file${files.length}`);
    await writeFile(from, content, { mode: 0o600 });
    files.push({ from, path });
  };
  for (const { path, text } of medium.files ?? []) await write(path, text);
  if (scriptTransport === 'medium' && medium.script !== undefined) {
    await write(medium.script.path, await build.installScript());
  }
  for (const extra of os.install.extras) files.push(await fetchExtra(deps, extra, join(folder, `file${files.length}`)));
  return files;
}

/** Fetches one of the template's extras to this worker. */
async function fetchExtra(
  deps: Deps,
  { kind, source, destination }: Extra,
  from: string,
): Promise<RemasterOptions['files'][number]> {
  reportProgress({ message: `fetching ${redactUrl(source)}` });
  const request = {
    url: source,
    path: from,
    maxBytes: LARGEST_EXTRA,
    signal: cancellationSignal(),
    access: deps.access,
  };
  if (kind === 'directory') {
    await (isLocalFile(source) ? copyLocalFolder : fetchFtpFolder)(request);
    return { from, path: parseIsoPath(destination) };
  }
  await fetchToFile(request);
  // A destination that ends in a slash is a folder, as in Oz. Then the file keeps its own name.
  return {
    from,
    path: parseIsoPath(destination.endsWith('/') ? `${destination}${readFileName(source)}` : destination),
  };
}
