import type { CheckContext, Finding } from '../checks/finding.js';
import type { StockInput } from '../stock-parts/stock-input.js';

/** Memory in MiB. */
export interface Memory {
  /** The memory that the installer needs to reach its end. */
  installer: number;
  /** The memory that the installed system needs to start. Nova refuses flavors with less memory for its images. */
  system: number;
}

/**
 * Everything that we know about one kind of install script and about the installers that read it. Each kind has one
 * file in this folder and one row in registry.ts. When a member without a default is unset, these installers cannot do
 * what it describes.
 */
export interface ScriptKind {
  /** Name in documents: "AutoYaST". */
  title: string;
  /** Name with its article in messages: "an AutoYaST profile". */
  name: string;
  /**
   * Checks whether a text begins like a script of this kind. It must not look further: a script may have lines of every
   * other kind inside it, such as answers for debconf in an autoinstall file. If a text begins like no kind, we take it
   * for the kind that the template's system needs.
   */
  matches(text: string): boolean;
  /** Other kinds (keys of the registry) whose scripts the installer reads as well. Default: none. */
  alsoReads?: readonly string[];
  /** Finds the problems of a script; above all, that it does not power the machine off at the end. */
  check(text: string, context: CheckContext): Finding[];
  /** Writes the stock script of a system. @throws FactoryError InvalidTemplate, InvalidParameter */
  writeStock(input: StockInput): string;
  /**
   * Patterns that find passwords in the script's own language; the first group is the password. src/os/passwords/ finds
   * the passwords in YAML, JSON, XML and shell commands. No pattern may search from every character of a long text to
   * its end, because that takes too long. Default: none.
   */
  passwords?: readonly RegExp[];
  /**
   * Converts a script to the user data that the installer expects. Apart from indentation, the author's text stays as
   * it is, because the installer may read it differently than we do. Default: the script is the user data.
   */
  toUserData?: (script: string) => string;
  /**
   * The memory that current releases need. The values are from the documentation of the distributions; the value for
   * debian-installer is measured.
   */
  memory: Memory;
  /** The memory, in MiB, of the installer when the system is installed from a tree. Default: `memory.installer`. */
  treeInstallerMemory?: number;
  /** Schemes of install trees besides http:, https: and ftp:. Default: none. */
  otherTreeSchemes?: readonly string[];
  /**
   * The script in the ramdisk: its path there, without a slash at its beginning, and a function that changes a command
   * line so that it names the script.
   */
  initrd?: { path: string; commandLine: (commandLine: string) => string };
  /**
   * Changes a command line so that it names the script on the configuration drive; returns undefined when the installer
   * of this release cannot read the script there.
   */
  configDrive?: (commandLine: string) => string | undefined;
  /** How an installer finds the script on its medium. */
  medium: {
    /**
     * A pattern for the word of the command line that names the script; the first group is the path on the medium.
     * Unset when no word names the script.
     */
    word?: RegExp;
    /** The paths where the installer looks without such a word. Default: none. */
    paths?: readonly string[];
  };
  /** A warning about machines that boot from the medium with UEFI. Default: none. */
  uefiWarning?: string;
}
