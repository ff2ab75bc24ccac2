/** The reason why some releases can be installed from their medium only. */
export const ONLY_BY_ISO = 'its installer reads its script from its medium only';

/** The reason why the oldest releases cannot be installed. */
export const FLOPPY = 'its installer boots from floppy disks, which OpenStack’s machines have no drive for';
