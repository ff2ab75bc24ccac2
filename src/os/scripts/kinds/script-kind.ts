import type { Problem } from '../../../tdl/types.js';
import type { StockInput } from '../stock-parts/stock-input.js';

/** Memory in MiB. */
export interface Memory {
  /** The memory that the installer needs to reach its end. */
  installer: number;
  /** The memory that the installed system needs to start: Nova refuses smaller flavors for its images. */
  system: number;
}

/**
 * Everything that is known of one kind of install script and of the installers that read it. Each kind has one file
 * here and one row in registry.ts. An optional member that is absent means: its installers cannot do this.
 */
export interface ScriptKind {
  /** Name in documents: "AutoYaST". */
  title: string;
  /** Name with its article in messages: "an AutoYaST profile". */
  name: string;
  /**
   * Whether a text looks like such a script. The kinds are asked in the order of the registry; the first one decides.
   */
  matches(text: string): boolean;
  /** Other kinds (keys of the registry) whose scripts its installer reads as well. Default: none. */
  alsoReads?: readonly string[];
  /** Finds what is wrong with such a script; above all whether the machine powers itself off at the end. */
  check(text: string): Problem[];
  /** Writes the stock script of a system. @throws FactoryError InvalidTemplate, InvalidParameter */
  writeStock(input: StockInput): string;
  /**
   * Patterns of the places where its language has passwords; the first group is the password. script-passwords.ts knows
   * those of YAML, JSON and shell commands. No pattern may search from every character of a long text to its end.
   */
  passwords?: readonly RegExp[];
  /**
   * Escapes a text for the strings of its language, without the quotes around it: secrets are masked in this form too.
   */
  escape?: (text: string) => string;
  /** Converts a script to user data where the installer expects it in another form there. Default: unchanged. */
  toUserData?: (script: string) => string;
  /** Memory of today's releases: what the distributions ask for, for debian-installer as measured. */
  memory: Memory;
  /** MiB for the installer where it is installed from a tree. Default: `memory.installer`. */
  treeInstallerMemory?: number;
  /** Schemes of install trees besides http:, https: and ftp:. Default: none. */
  otherTreeSchemes?: readonly string[];
  /**
   * The script in the ramdisk: its path there, without a slash at its beginning, and the command line that names it.
   */
  initrd?: { path: string; commandLine: (commandLine: string) => string };
  /**
   * The command line that names the script on the configuration drive; undefined where this release's installer cannot.
   */
  configDrive?: (commandLine: string) => string | undefined;
  /** How an installer finds the script on its medium. */
  medium: {
    /**
     * The word of its command line, with the path on the medium as first group. Absent where no word names the script.
     */
    word?: RegExp;
    /** The paths where it looks without a word. Default: none. */
    paths?: readonly string[];
  };
  /** Warning about machines that UEFI starts from the medium. Default: none. */
  uefiWarning?: string;
}
