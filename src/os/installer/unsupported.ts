/** Why an install tree is refused where the medium is not. */
export const ONLY_BY_ISO = 'its installer reads its script from its medium only';

/** Why the oldest installers are refused. */
export const FLOPPY = 'its installer boots from floppy disks, which OpenStack’s machines have no drive for';
