import { serialConsole } from '../../common/architectures.js';
import { USER_DATA_URL } from '../../common/user-data.js';
import { isFrom } from '../../common/versions.js';
import { quoteWords } from '../../guest/guest-scripts.js';
import type { Finding } from '../checks/finding.js';
import { writeKeyService, writeUserAccess } from '../stock-parts/shell.js';
import { INSTALLED, type StockInput } from '../stock-parts/stock-input.js';
import { countLines, findFirstStatement } from './lines.js';
import type { ScriptKind } from './script-kind.js';

/** A line with an answer: owner, question, type, value. */
const LINE = /^[\w.+-]+\s+[\w.+-]+\/\S+\s+(string|boolean|select|multiselect|note|password|text|error|title|seen)\b/;

/** debian-installer's preseed file. */
export const preseed: ScriptKind = {
  title: 'preseed',
  name: 'a preseed file',
  matches: (text) => LINE.test(findFirstStatement(text)),
  check: checkPreseed,
  writeStock: writePreseed,
  passwords: [
    // The form of an answer is OWNER QUESTION TYPE VALUE. The key of a wireless network, and other secrets,
    // have the type `string`.
    /^[ \t]*[\w.-]+[ \t]+\S+[ \t]+password[ \t]+(\S.*)/gm,
    /^[ \t]*[\w.-]+[ \t]+\S*(?:pass(?:word|phrase)(?:-again|-crypted)?|wireless_(?:wep|wpa)\w*)[ \t]+string[ \t]+(\S.*)/gm,
    /\becho[ \t]+"[\w.-]+[ \t]+[^\s"]+[ \t]+password[ \t]+([^"\n]+)"/g,
    /\becho[ \t]+'[\w.-]+[ \t]+[^\s']+[ \t]+password[ \t]+([^'\n]+)'/g,
  ],
  // With 512 MiB, debian-installer stops in its low-memory mode and waits for Enter.
  memory: { installer: 1024, system: 256 },
  // debian-installer fetches its packages from the mirror that the script names, not from the tree.
  otherTreeSchemes: ['file:'],
  // debian-installer reads this path by itself when no word of the command line names another address.
  initrd: { path: 'preseed.cfg', commandLine: removeUserDataWord },
  medium: { word: /(?:^|\s)file=\/cdrom\/(\S+)/ },
};

function removeUserDataWord(commandLine: string): string {
  return commandLine
    .split(' ')
    .filter((word) => !word.endsWith(USER_DATA_URL))
    .join(' ');
}

const ANSWER = 'd-i debian-installer/exit/poweroff boolean true';
const POWER_OFF = 'debian-installer/exit/poweroff';
/** Questions that stop the system at the end. Without the answer for the power-off, they leave the machine on. */
const HALTS = ['debian-installer/exit/halt', 'debian-installer/exit/always_halt'];

/**
 * Questions whose answer names a source of further answers. The installer fetches or computes the further answers; our
 * check cannot.
 */
const INCLUDES = ['preseed/include', 'preseed/include_command', 'preseed/run'];
/** Questions whose answer is a command that may set answers itself, by `debconf-set`. */
const COMMANDS = ['preseed/early_command', 'partman/early_command', 'preseed/late_command'];

/** One answer of a preseed file. */
interface Answer {
  line: number;
  question: string;
  value: string;
}

/**
 * Checks that a preseed file powers the machine off at its end, with the installer's own question. The last answer to
 * it counts. A late command that powers the machine off does not count, because it would stop the installer before the
 * installer has finished.
 */
function checkPreseed(text: string): Finding[] {
  const problems: Finding[] = [];
  const lines = text.split('\n');
  const carriage = lines.findIndex((line) => line.endsWith('\r'));
  if (carriage >= 0) {
    const column = lines[carriage]?.length ?? 1;
    problems.push({
      line: carriage + 1,
      column,
      message:
        'the line ends in a carriage return, which would become part of the answer: save the file with Unix line endings',
    });
  }
  const answers = parseAnswers(text);
  const last = (question: string): Answer | undefined =>
    answers.filter((answer) => answer.question === question).at(-1);
  const own = last(POWER_OFF);
  if (own?.value === 'true') return problems;
  if (COMMANDS.some((question) => last(question)?.value.includes(POWER_OFF) === true)) return problems;
  if (own !== undefined) {
    problems.push({
      line: own.line,
      column: 1,
      about: 'ending',
      message: `this answer leaves the machine on: write the line "${ANSWER}" instead`,
    });
    return problems;
  }
  const halt = HALTS.map(last).find((answer) => answer?.value === 'true');
  const include = INCLUDES.map(last).find((answer) => answer !== undefined && answer.value !== '');
  if (halt === undefined && include !== undefined) {
    const message = `nothing here powers the machine off at the end, and this check cannot see the answers from ${include.question}: add the line "${ANSWER}"`;
    return [...problems, { line: include.line, column: 1, about: 'ending', message }];
  }
  const line = halt?.line ?? countLines(lines) + 1;
  const why =
    halt === undefined
      ? 'the installer would reboot the machine and install again'
      : 'the installer stops the system and leaves the machine on';
  const where = halt === undefined ? `at the end, as line ${line}` : `below line ${line}`;
  problems.push({
    line,
    column: 1,
    about: 'ending',
    message: `${why}: add the line "${ANSWER}" ${where}, so that the installer powers the machine off`,
  });
  return problems;
}

/** Parses the answers of a preseed file. A line that ends in a backslash is joined with the next line. */
function parseAnswers(text: string): Answer[] {
  const answers: Answer[] = [];
  let begun: { line: number; pieces: string[] } | undefined;
  text.split(/\r?\n/).forEach((raw, index) => {
    if (begun === undefined && /^\s*#/.test(raw)) return;
    const current = begun ?? { line: index + 1, pieces: [] };
    const goesOn = raw.endsWith('\\');
    current.pieces.push(goesOn ? raw.slice(0, -1) : raw);
    begun = goesOn ? current : undefined;
    if (goesOn) return;
    // We trim the value after the match. If the pattern excluded the spaces at the end, the match would take long for a
    // value with many spaces.
    // A line with the type `seen` is no answer: it marks a question as asked.
    const match = /^\s*\S+\s+(\S+)\s+(?!seen\s)\S+\s+(.*)$/s.exec(current.pieces.join(' '));
    if (match?.[1] !== undefined && match[2] !== undefined) {
      answers.push({ line: current.line, question: match[1], value: match[2].trimEnd() });
    }
  });
  return answers;
}

/**
 * Writes a preseed file for the smallest system that a cloud can use.
 * https://www.debian.org/releases/stable/amd64/apb
 */
function writePreseed({ template, profile, diskLayout, user }: StockInput): string {
  const { install, rootpw } = template.os;
  const ubuntu = profile.family === 'ubuntu';
  const { cloudInit, growpart } = findCloudPackages(profile);
  const script = cloudInit
    ? writeUserAccess(user)
    : joinLines(`${writeKeyService(user, 'init.d')}\n${writeUserAccess(user)}`);
  const mirror = writeMirror(install.type === 'url' ? install.url.replace(/\s/g, encodeURIComponent) : '');
  return [
    'd-i debian-installer/locale string en_US.UTF-8',
    'd-i keyboard-configuration/xkb-keymap select us',
    'd-i console-setup/ask_detect boolean false',
    ...mirror,
    'd-i clock-setup/utc boolean true',
    'd-i time/zone string Etc/UTC',
    ...writePasswords(rootpw),
    ...(ubuntu ? ['d-i user-setup/encrypt-home boolean false', 'd-i pkgsel/update-policy select none'] : []),
    'd-i hw-detect/load_firmware boolean false',
    `d-i partman-auto/method string ${diskLayout === 'lvm' ? 'lvm' : 'regular'}`,
    ...(diskLayout === 'lvm'
      ? [
          'd-i partman-auto-lvm/guided_size string max',
          'd-i partman-lvm/device_remove_lvm boolean true',
          'd-i partman-lvm/confirm boolean true',
          'd-i partman-lvm/confirm_nooverwrite boolean true',
        ]
      : []),
    ...(diskLayout === 'efi'
      ? [
          'd-i partman-efi/non_efi_system boolean true',
          'd-i partman-partitioning/choose_label select gpt',
          'd-i partman/default_label string gpt',
        ]
      : []),
    'd-i partman-auto/choose_recipe select atomic',
    'd-i partman-partitioning/confirm_write_new_label boolean true',
    'd-i partman/choose_partition select finish',
    'd-i partman/confirm boolean true',
    'd-i partman/confirm_nooverwrite boolean true',
    'd-i grub-installer/only_debian boolean true',
    'd-i grub-installer/bootdev string default',
    `d-i debian-installer/add-kernel-opts string console=${serialConsole(template.os.arch)}`,
    'popularity-contest popularity-contest/participate boolean false',
    'tasksel tasksel/first multiselect',
    `d-i pkgsel/include string openssh-server sudo${cloudInit ? ' cloud-init' : ''}${growpart ? ' cloud-guest-utils' : ''}`,
    `d-i preseed/late_command string in-target sh -c ${quoteWords([script])} && echo ${INSTALLED} >/dev/console`,
    'd-i finish-install/reboot_in_progress note',
    'd-i cdrom-detect/eject boolean false',
    'd-i debian-installer/exit/poweroff boolean true',
    '',
  ].join('\n');
}

/**
 * Finds out which cloud packages a release has, because pkgsel installs nothing when it does not know one of the
 * packages.
 */
function findCloudPackages({ family, version }: StockInput['profile']): { cloudInit: boolean; growpart: boolean } {
  if (family !== 'ubuntu') return { cloudInit: isFrom(version, '8'), growpart: isFrom(version, '8') };
  return { cloudInit: isFrom(version, '10.04'), growpart: isFrom(version, '13.04') };
}

/** Converts a script to a command in one line, because an answer of a preseed file is one line. */
function joinLines(script: string): string {
  return `printf %b ${quoteWords([script.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')])} | sh`;
}

/**
 * Writes the answers about passwords. Without a password in the template, root's password is locked. No other user is
 * created: cloud-init creates its own. The lock is `*`, as in Debian's base-passwd: with `!`, the installer’s
 * user-setup would still ask for a password (user-setup-ask, state 1).
 */
function writePasswords(rootpw: string | undefined): string[] {
  const none = rootpw === undefined || rootpw === '';
  return [
    'd-i passwd/root-login boolean true',
    'd-i passwd/make-user boolean false',
    ...(none
      ? ['d-i passwd/root-password-crypted password *']
      : [`d-i passwd/root-password password ${rootpw}`, `d-i passwd/root-password-again password ${rootpw}`]),
  ];
}

/**
 * Writes the answers about the mirror: the archive of the install tree, which is the part of its URL before `/dists/`.
 */
function writeMirror(url: string): string[] {
  const match = /^(https?):\/\/(?:[^/@]*@)?([^/]+)(\/.*?)?\/dists\/([^/]+)\//.exec(url);
  if (match === null) return [];
  const [, protocol = 'http', host = '', directory = '/', suite = ''] = match;
  return [
    'd-i mirror/country string manual',
    `d-i mirror/protocol string ${protocol}`,
    `d-i mirror/${protocol}/hostname string ${host}`,
    `d-i mirror/${protocol}/directory string ${directory}`,
    `d-i mirror/${protocol}/proxy string`,
    `d-i mirror/suite string ${suite.replace(/-(updates|security|proposed)$/, '')}`,
  ];
}
