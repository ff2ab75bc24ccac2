/** What a format writes about the system whose root file system it holds. */
interface RootImage {
  /** Name of the system: that of the template. */
  name: string;
  /** Its architecture, as in records: `x86_64`. */
  arch: string;
}

/** A format of target images that holds the root file system of a guest, as a tar. The registry has all of them. */
export interface RootFormat {
  /** Name extension of the output file, without a dot: `wsl`. */
  extension: string;
  /** How the file is verified besides its tar, as words for the record. Unset when the tar is all that it holds. */
  verifiedBy?: string;
  /** Writes the file from the tar, as it arrives. */
  write(path: string, tar: AsyncIterable<Buffer>, image: RootImage): Promise<void>;
  /**
   * Reads the file from the disk again, and checks it.
   *
   * @param checkTar reads the tar to its end, and returns what is wrong with it
   * @returns what is wrong, in words; undefined when nothing is
   */
  findError(
    path: string,
    checkTar: (tar: AsyncIterable<Buffer>) => Promise<string | undefined>,
    signal?: AbortSignal,
  ): Promise<string | undefined>;
}
