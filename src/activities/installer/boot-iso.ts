import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../../domain/errors.js';
import { fetchToFile } from '../../media/fetch.js';
import { fetchFtpFolder } from '../../media/ftp-folder.js';
import { readIsoInfo, parseIsoPath, remasterIso, type RemasterOptions } from '../../media/iso.js';
import { isLocalFile, resolveLocalFolder } from '../../media/local-file.js';
import { readFileName, redactUrl } from '../../media/urls.js';
import { type BootMethod, hasOurLoader, stubFirmwares } from '../../os/installer/boot-method.js';
import type { InstallerPlan, InstallMedium } from '../../os/types.js';
import type { Extra, Template } from '../../tdl/types.js';
import { downloadTo, inFolder } from '../media/scratch-folder.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { loadDocument, loadTemplate } from '../shared/documents.js';
import { ensureRunImage } from '../images/run-image.js';
import type { BootImageInput } from '../shared/types.js';

/** Bytes that one of a template's extras may have. */
const LARGEST_EXTRA = 4 * 1024 ** 3;

/** The plan of an installer that is started from, or beside, its medium. */
export type FromMedium = InstallerPlan & { medium: InstallMedium };

/** The image of the medium in the installer's drive: the medium as it is, or one made anew for this build. */
export async function createMedium(
  deps: Deps,
  input: BootImageInput & { isoId: string },
  plan: FromMedium,
  method: BootMethod,
): Promise<string> {
  const template = await loadTemplate(deps, input.documentsId);
  const { ref, isoId } = input;
  if (!isChanged(template, plan, method)) return isoId;
  return inFolder(deps, ref, 'medium', async (folder) => {
    const source = await downloadTo(deps, ref, isoId, join(folder, 'source.iso'));
    await refuseUdf(source, plan.medium);
    const files = await filesFor(deps, input, plan, template, folder);
    const boot = bootOf(plan, method, template);
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

function isChanged({ os }: Template, plan: FromMedium, method: BootMethod): boolean {
  if (plan.medium.script?.beside !== undefined) return false;
  const startsIt = method === 'iso' && (plan.medium.boots !== undefined || plan.medium.files !== undefined);
  return startsIt || plan.scriptTransport === 'medium' || os.install.extras.length > 0;
}

async function refuseUdf(path: string, { url }: InstallMedium): Promise<void> {
  if (!(await readIsoInfo(path, url)).udf) return;
  throw new FactoryError('UnsupportedOs', `${redactUrl(url)} is a UDF medium, which cannot be made anew`, {
    hint: 'leave <extras> out, and let the installer read its script from elsewhere',
  });
}

function bootOf({ medium, commandLine }: FromMedium, method: BootMethod, { os }: Template): RemasterOptions['boot'] {
  if (method !== 'iso' || medium.boots === undefined || !hasOurLoader(method, { medium })) return undefined;
  return { ...medium.boots, commandLine, firmwares: stubFirmwares(os.arch) };
}

/** What a medium gets: the family's own files, then the script, then the template's extras. */
export async function filesFor(
  deps: Deps,
  { documentsId }: BootImageInput,
  { medium, scriptTransport }: FromMedium,
  { os }: Template,
  folder: string,
): Promise<RemasterOptions['files']> {
  const files: RemasterOptions['files'] = [];
  const write = async (path: string, content: string | Buffer): Promise<void> => {
    const from = join(folder, `file${files.length}`);
    await writeFile(from, content, { mode: 0o600 });
    files.push({ from, path });
  };
  for (const { path, text } of medium.files ?? []) await write(path, text);
  if (scriptTransport === 'medium' && medium.script !== undefined) {
    await write(medium.script.path, await loadDocument(deps, documentsId, 'install_script'));
  }
  for (const extra of os.install.extras) files.push(await extraFile(deps, extra, join(folder, `file${files.length}`)));
  return files;
}

/** One of the template's extras, on this machine. */
async function extraFile(
  deps: Deps,
  { kind, source, destination }: Extra,
  from: string,
): Promise<RemasterOptions['files'][number]> {
  if (kind === 'directory') return { from: await extraFolder(deps, source, from), path: parseIsoPath(destination) };
  reportProgress({ message: `fetching ${redactUrl(source)}` });
  await fetchToFile({
    url: source,
    path: from,
    maxBytes: LARGEST_EXTRA,
    signal: cancellationSignal(),
    directories: deps.filesFrom,
  });
  // As a copy into a folder: Oz's destinations may end in a slash.
  return {
    from,
    path: parseIsoPath(destination.endsWith('/') ? `${destination}${readFileName(source)}` : destination),
  };
}

/** A folder of this machine that the worker has opened, or one that is fetched to a path. Answers where it is. */
async function extraFolder(deps: Deps, source: string, path: string): Promise<string> {
  if (isLocalFile(source)) return resolveLocalFolder(source, deps.filesFrom);
  reportProgress({ message: `fetching ${redactUrl(source)}` });
  await fetchFtpFolder({ url: source, path, maxBytes: LARGEST_EXTRA, signal: cancellationSignal() });
  return path;
}
