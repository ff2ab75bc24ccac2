import type { Problem } from '../../tdl/types.js';
import { checkAgama } from './agama.js';
import { checkAutoinstall } from './autoinstall.js';
import { checkAutoyast } from './autoyast.js';
import { checkKickstart } from './kickstart.js';
import { checkAutoInst, checkAutounattend, checkInstallerconfig } from './medium-scripts.js';
import { checkPreseed } from './preseed.js';
import type { InstallScriptKind, ScriptTransport } from '../types.js';

/** Characters of base64 that Nova takes as user data (its API schema: `maxLength` 65535). */
export const USER_DATA_LIMIT = 65_535;
/** Bytes that these are. */
export const SCRIPT_LIMIT = Math.floor(USER_DATA_LIMIT / 4) * 3;

/** Transports that Nova has no part in. */
const UNLIMITED: readonly ScriptTransport[] = ['initrd', 'medium'];

const CHECKS: Record<InstallScriptKind, (text: string) => Problem[]> = {
  kickstart: checkKickstart,
  preseed: checkPreseed,
  autoinstall: checkAutoinstall,
  autoyast: checkAutoyast,
  agama: checkAgama,
  auto_inst: checkAutoInst,
  installerconfig: checkInstallerconfig,
  autounattend: checkAutounattend,
};

/** How each kind is called, with the article. */
const NAMES: Record<InstallScriptKind, string> = {
  kickstart: 'a kickstart file',
  preseed: 'a preseed file',
  autoinstall: 'an autoinstall file',
  autoyast: 'an AutoYaST profile',
  agama: 'an Agama profile',
  auto_inst: 'an auto_inst.cfg.pl',
  installerconfig: 'an installerconfig',
  autounattend: 'an answer file of Windows',
};

/**
 * Checks an install script: that it is of the kind that the installer reads, that Nova can hand it over, and that it ends by
 * powering the machine off. A machine that is started again instead boots its installer again, for ever.
 */
export function checkInstallScript(
  kind: InstallScriptKind,
  text: string,
  transport: ScriptTransport = 'user_data',
): Problem[] {
  const script = text.replace(/^\uFEFF/, '');
  if (script.trim() === '')
    return [{ line: 1, column: 1, message: `the install script is empty: give ${NAMES[kind]}` }];
  const found = detectScriptKind(script);
  if (found !== undefined && found !== kind && !(kind === 'agama' && found === 'autoyast')) {
    return [{ line: 1, column: 1, message: `this looks like ${NAMES[found]}, the installer needs ${NAMES[kind]}` }];
  }
  return [...(UNLIMITED.includes(transport) ? [] : checkSize(script)), ...CHECKS[kind](script)];
}

function checkSize(text: string): Problem[] {
  const size = Buffer.byteLength(text);
  if (size <= SCRIPT_LIMIT) return [];
  const message = `the script has ${size} bytes, an instance can be given ${SCRIPT_LIMIT} as user data: shorten it, let it fetch the rest, or write script_transport initrd or medium where that is there`;
  return [{ line: 1, column: 1, message }];
}

// Looked for at every line: white space that goes on over lines would be gone over again at each of them.
const PRESEED_LINE =
  /^[ \t]*[\w.+-]+[ \t]+[\w.+-]+\/\S+[ \t]+(string|boolean|select|multiselect|note|password|text|error|title|seen)\b/m;
const KICKSTART_LINE =
  /^[ \t]*(%(packages|pre|post|onerror|addon|include)\b|(install|text|cmdline|graphical|lang|keyboard|timezone|rootpw|url|repo|bootloader|clearpart|zerombr|autopart|part|network|poweroff|reboot|halt|shutdown|selinux|firewall|auth|authconfig|authselect)(\s|$))/m;

/** The kind that a script is by its looks; undefined when it could be anything. */
export function detectScriptKind(text: string): InstallScriptKind | undefined {
  if (/^\s*(<\?xml[^>]*>\s*)?<unattend[\s>]/.test(text)) return 'autounattend';
  if (/^\s*(<\?xml|<!DOCTYPE profile|<profile[\s>])/.test(text)) return 'autoyast';
  if (/^[ \t]*\$o\s*=\s*\{/m.test(text)) return 'auto_inst';
  if (/^\s*\{[\s\S]*["']?product["']?\s*:/.test(text)) return 'agama';
  if (/^[ \t]*(export[ \t]+)?(DISTRIBUTIONS|PARTITIONS|BSDINSTALL_DISTSITE)=/m.test(text)) return 'installerconfig';
  if (/^autoinstall:\s*$/m.test(text) || /^#cloud-config\b/.test(text)) return 'autoinstall';
  if (PRESEED_LINE.test(text)) return 'preseed';
  if (KICKSTART_LINE.test(text)) return 'kickstart';
  return undefined;
}
