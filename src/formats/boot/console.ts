/* What a booting system says on its serial console, and what that means. */

/** Why a system did not boot, or why nobody can tell whether it did. */
export type BootFailure =
  /** The firmware found nothing on the disk that it could start. */
  | 'firmware'
  /** The boot loader stopped. */
  | 'boot-loader'
  /** The kernel or the initramfs did not find the root file system. */
  | 'no-root'
  /** The kernel panicked for another reason. */
  | 'panic'
  /** The root file system is there, but the system stopped in its emergency mode. */
  | 'emergency'
  /** The machine restarted again and again. */
  | 'restarts'
  /** The machine switched itself off. */
  | 'off'
  /** The kernel was started, perhaps, and said nothing: it has no serial console. */
  | 'no-console'
  /** The kernel began to say something, and then was silent. */
  | 'silent'
  /** There was not enough time. */
  | 'time';

/** What a console says about a boot. */
export type BootVerdict =
  | { booted: true; sign: string }
  | {
      booted: false;
      failure: BootFailure;
      /** The line of the console that says so. Unset when no line does. */
      line?: string;
    };

/** The signs that a system has booted. */
const BOOTED: readonly [pattern: RegExp, sign: string][] = [
  [/^(?:\S+ )?login: /m, 'login:'],
  [/Reached target (?:multi-user\.target|graphical\.target|Multi-User System|Graphical Interface)/, 'multi-user'],
];

/** The signs that a system will not boot. The first one that matches counts. */
const FAILED: readonly [pattern: RegExp, failure: BootFailure][] = [
  // Linux itself
  [/Kernel panic - not syncing: (?:VFS|No working init|Attempted to kill init).*\n/, 'no-root'],
  // initramfs-tools: Debian, Ubuntu
  [/ALERT! .* does not exist.*\n/, 'no-root'],
  // dracut: Fedora, Enterprise Linux, SUSE
  [/Generating "\/run\/initramfs\/rdsosreport\.txt".*/, 'no-root'],
  [/^dracut:\/# .*/m, 'no-root'],
  // mkinitcpio: Arch; mkinitfs: Alpine
  [/You are (?:now )?being dropped in(?:to)? (?:a recovery|an emergency) shell.*/, 'no-root'],
  [/initramfs emergency recovery shell launched.*/, 'no-root'],
  // FreeBSD
  [/^mountroot> .*/m, 'no-root'],
  [/^panic: .*/m, 'panic'],
  [/Kernel panic - not syncing.*\n/, 'panic'],
  // systemd
  [/You are in (?:emergency|rescue) mode.*/, 'emergency'],
  [/^grub(?: rescue)?> .*/m, 'boot-loader'],
  // SeaBIOS, OVMF
  [/No bootable device.*/, 'firmware'],
  [/BdsDxe: (?:failed to (?:load|start) |No bootable option).*\n/, 'firmware'],
];

/** What each start of the firmware says. */
const FIRMWARE = /SeaBIOS \(version|BdsDxe: starting Boot/g;
/** A system may restart once or twice at its first boot, such as after it has labelled its files for SELinux. */
const MOST_STARTS = 4;
/** What only a kernel says. */
const KERNEL = /^\[ *\d+\.\d{6}\] |Linux version \d|Copyright \(c\) .* The FreeBSD Project/m;
/** Characters of the console that are kept: its end. */
const KEPT = 1024 * 1024;
/** Characters before a new piece in which a sign may begin. */
const OVERLAP = 1000;

/** The console of a machine that boots. */
export class BootConsole {
  /** What the machine has said, without the control sequences of a terminal. */
  text = '';
  /** Whether the beginning of the text was dropped. */
  cut = false;
  /** The beginning of a control sequence, whose rest is still to come. */
  private rest = '';
  private starts = 0;
  private hasKernel = false;

  /** Adds what the machine has said now. Returns what follows for its boot; undefined while it may still boot. */
  add(piece: string): BootVerdict | undefined {
    const whole = this.rest + piece;
    this.rest = /\x1b[^A-Za-z]{0,20}$/.exec(whole)?.[0] ?? '';
    const said = toPlainText(whole.slice(0, whole.length - this.rest.length));
    const fresh = this.text.slice(-OVERLAP) + said;
    this.text += said;
    if (this.text.length > KEPT) {
      this.text = this.text.slice(-KEPT);
      this.cut = true;
    }
    this.hasKernel ||= KERNEL.test(fresh);
    this.starts += said.match(FIRMWARE)?.length ?? 0;
    for (const [pattern, sign] of BOOTED) if (pattern.test(fresh)) return { booted: true, sign };
    for (const [pattern, failure] of FAILED) {
      const line = pattern.exec(fresh)?.[0];
      if (line !== undefined) return { booted: false, failure, line: line.trim() };
    }
    return this.starts > MOST_STARTS ? { booted: false, failure: 'restarts' } : undefined;
  }

  /** What follows when the machine says nothing any more. */
  judgeSilence(): BootVerdict {
    return { booted: false, failure: this.hasKernel ? 'silent' : 'no-console' };
  }

  /** The last line that has any text. */
  lastLine(): string | undefined {
    return this.text
      .slice(-OVERLAP)
      .split('\n')
      .findLast((line) => line.trim() !== '')
      ?.trim();
  }
}

/** Removes what moves the cursor or sets colours. */
function toPlainText(piece: string): string {
  return piece
    .replaceAll(/\x1b(?:\[[0-9;?]*[A-Za-z]|[c78=>]|\([A-Z0-9])/g, '')
    .replaceAll(/\r+\n?/g, '\n')
    .replaceAll(/[^\x20-\x7e\n\t\u00a0-\uffff]/g, '');
}
