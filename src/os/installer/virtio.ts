/**
 * Image properties for devices that systems without virtio have drivers for:
 * https://docs.openstack.org/glance/latest/admin/useful-image-properties.html
 */
export const WITHOUT_VIRTIO: Readonly<Record<string, string>> = { hw_disk_bus: 'ide', hw_vif_model: 'rtl8139' };

/** The note of such a release. */
export const NO_VIRTIO = 'no virtio: IDE and rtl8139';
