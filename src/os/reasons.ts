/** Why an ISO is refused where the install tree is not. */
export const ISO_NOT_YET = 'only install trees can be booted so far, ISOs cannot';

/** Why a system that can only be installed from its medium is refused. */
export const ONLY_BY_ISO = 'it is installed from its medium only, and ISOs cannot be booted so far';

/** Why the oldest installers are refused. */
export const FLOPPY = 'its installer boots from floppy disks, which OpenStack’s machines have no drive for';
