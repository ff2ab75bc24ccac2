/** How an install script reaches its installer. */
export type ScriptTransport = 'user_data' | 'config_drive' | 'initrd' | 'medium';

/** The address of an instance's user data: the metadata service's EC2 interface, which every installer can read. */
export const USER_DATA_URL = 'http://169.254.169.254/latest/user-data';

/**
 * The label of Nova's configuration drive, and the path of the user data on it:
 * https://docs.openstack.org/nova/latest/user/metadata.html#config-drives
 */
export const CONFIG_DRIVE = { label: 'config-2', path: '/openstack/latest/user_data' };

/** The number of base64 characters that Nova accepts as user data (`maxLength` 65535 in its API schema). */
export const USER_DATA_LIMIT = 65_535;
