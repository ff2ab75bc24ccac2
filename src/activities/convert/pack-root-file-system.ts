import { FactoryError } from '../../domain/errors.js';
import type { ConvertedDisk } from '../../domain/target-image-result.js';
import type { RootFormatName } from '../../domain/target-formats.js';
import { packRoot, type RootClaims } from '../../formats/index.js';
import { checkPrivilege } from '../../guest/access.js';
import { readKeyBlob } from '../../guest/keys.js';
import type { Guest, RunResult } from '../../guest/types.js';
import { buildRootTarScript, readRootClaims, type RootPurpose } from '../../os/guest/root-tar.js';
import { withRunningGuest } from '../guest/guest-connection.js';
import type { GuestInput } from '../guest/guest-location.js';
import { listTemplateFiles } from '../guest/template-files.js';
import { loadLoginKey } from '../instance/ssh-keys.js';
import { loadBuild } from '../shared/build-documents.js';
import { cancellationSignal, reportProgress, type Deps } from '../shared/context.js';
import type { RootPlan } from './plan-root.js';
import { publishOutput, readOutput } from './output.js';
import type { PlannedTarget } from './plan-target-image.js';
import { withWorkFolder } from './work-folder.js';

export interface PackRootFileSystemInput extends GuestInput {
  planned: Pick<PlannedTarget, 'name' | 'imageName' | 'os' | 'source' | 'prepared'>;
  minDisk: RootPlan['minDisk'];
  format: RootFormatName;
}

const PURPOSES: Readonly<Record<RootFormatName, RootPurpose>> = { oci: 'container', wsl: 'wsl' };

/** Seconds without a byte of the tar after which an attempt fails. */
const STALL = 300;
const GIB = 1024 ** 3;
/** How much larger than its disk a tar may be: the file system may be compressed, or have sparse files. */
const LARGEST_FACTOR = 4;

/**
 * Takes the root file system of a guest by tar over SSH, packs it in the target's format, compares it with what the
 * guest says, and keeps it as the body of the target image. The guest stays as it is: after a lost connection, the next
 * attempt begins again. An attempt that finds the body complete returns it.
 */
export async function packRootFileSystem(deps: Deps, input: PackRootFileSystemInput): Promise<ConvertedDisk> {
  const { ref, planned, minDisk, format } = input;
  const made = await readOutput(deps, ref.uuid);
  if (made !== undefined) return made;
  const build = loadBuild(deps, ref.uuid);
  const [{ publicKey }, kept] = await Promise.all([loadLoginKey(deps, build), listTemplateFiles(build)]);
  // The packed files take about as much as the disk does in Glance: both hold little or nothing of what is empty.
  return withWorkFolder(deps, ref.uuid, planned.source.size, (workFolder) =>
    withRunningGuest(deps, build, input, async (guest) => {
      await checkPrivilege(guest, input.guest.prefix, { signal: cancellationSignal() });
      const script = buildRootTarScript({
        purpose: PURPOSES[format],
        name: planned.name,
        blob: readKeyBlob(publicKey),
        journal: guest.shell.journal,
        kept,
      });
      const packed = await packRoot(openTar(guest, script), format, {
        workFolder,
        imageName: planned.imageName,
        name: planned.name,
        arch: planned.os.arch,
        largest: minDisk * LARGEST_FACTOR * GIB,
        onProgress: reportProgress,
        signal: cancellationSignal(),
      });
      return publishOutput(deps, ref.uuid, packed, planned.prepared);
    }),
  );
}

/** Runs the script that writes the tar. */
function openTar(guest: Guest, script: string): { tar: AsyncIterable<Buffer>; readClaims: () => Promise<RootClaims> } {
  let ended: RunResult | undefined;
  async function* read(): AsyncGenerator<Buffer> {
    ended = yield* guest.stream(script, { signal: cancellationSignal(), stall: STALL });
  }
  return {
    tar: read(),
    async readClaims() {
      const claims = ended?.exitCode === 0 ? readRootClaims(ended.stderr) : undefined;
      if (claims !== undefined) return claims;
      const said = ended?.stderr.trim() ?? '';
      const how = `exit status ${ended?.exitCode ?? ended?.signal}`;
      throw new FactoryError('CommandFailed', `cannot take the root file system: ${said === '' ? how : said}`);
    },
  };
}
