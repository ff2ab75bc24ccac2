/**
 * Image properties for the devices of systems without virtio drivers:
 * https://docs.openstack.org/glance/latest/admin/useful-image-properties.html
 */
export const WITHOUT_VIRTIO: Readonly<Record<string, string>> = { hw_disk_bus: 'ide', hw_vif_model: 'rtl8139' };

/** The note for releases without virtio drivers. */
export const NO_VIRTIO = 'no virtio: IDE and rtl8139';
