import type { Repository } from '../../tdl/types.js';

/** A script for the guest, in the shell that the guest has. It runs with all privileges. */
export interface GuestScript {
  /** A title for people, which says what the script does. */
  title: string;
  script: string;
}

/** Writes the scripts that customise a guest, for the package manager that the guest has. */
export interface GuestTools {
  /** The shell of these scripts and of the template's commands. Default: POSIX sh. */
  shell?: 'posix' | 'powershell';
  /** apt, yum, dnf, zypper, urpmi, pkg, choco; `none` where the guest cannot be customised. */
  packageManager: string;
  /** Adds a repository. */
  addRepository(repository: Repository): GuestScript;
  /** Removes a repository whose `persisted` is no. */
  removeRepository(repository: Repository): GuestScript;
  /** Refreshes the package lists and installs all packages in one transaction, without a question. */
  installPackages(names: string[]): GuestScript;
  /** A command that prints the installed packages, one per line, with the names that the ICICLE has. */
  listPackages: string;
  /**
   * A command that prints the name, the version and the architecture of each installed package, one package per line,
   * separated by tabs. A package may lack its version or its architecture.
   */
  listPackageDetails: string;
  /**
   * Removes the identity of the machine: its name, machine-id, DHCP leases, network files, cloud-init's state, logs,
   * temporary files, caches, histories, random seed. It leaves the key that the build logs in with, the SSH host keys
   * and the build's journal: the shutdown script removes these.
   *
   * @param kept absolute paths of the template's files, which stay
   */
  cleanGuest(kept: readonly string[]): GuestScript;
  /**
   * A script that runs when nobody is logged in any more, immediately before the guest shuts down. It removes again
   * what services have written since {@link cleanGuest}, and what they write while they stop. Its errors are ignored.
   *
   * @param kept absolute paths of the template's files, which stay
   */
  cleanAtShutdown(kept: readonly string[]): string;
}
