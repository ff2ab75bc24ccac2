import { XMLBuilder } from 'fast-xml-parser';
import type { ConversionOptions } from '../disk/types.js';
import { findGuestOs } from './guest-os.js';

/* The descriptor of a virtual machine: DMTF DSP0243, OVF 1.1. */

/** What a descriptor describes. */
export interface OvfMachine extends Pick<ConversionOptions, 'cpus' | 'memory' | 'system'> {
  /** Name of the virtual machine. */
  name: string;
  disk: {
    /** File name of the disk, beside the descriptor. */
    file: string;
    /** Size of that file, in bytes. */
    size: number;
    /** Size that the guest sees, in bytes. */
    virtualSize: number;
  };
  hardware: OvfHardware;
}

/** The virtual machine monitor that the descriptor is for. */
type OvfHardware =
  | { kind: 'vmware'; /** as in `vmx-19` */ version: number; osType?: string | undefined }
  | { kind: 'virtualbox'; macAddress: string };

type Xml = { [name: string]: string | number | Xml | Xml[] };

/** An empty fragment would be refused by ESXi. */
const DISK_FORMAT = 'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized';
const NETWORK = 'VM Network';
const NAMESPACES = {
  '@xmlns': 'http://schemas.dmtf.org/ovf/envelope/1',
  '@xmlns:cim': 'http://schemas.dmtf.org/wbem/wscim/1/common',
  '@xmlns:ovf': 'http://schemas.dmtf.org/ovf/envelope/1',
  '@xmlns:rasd': 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData',
  '@xmlns:vmw': 'http://www.vmware.com/schema/ovf',
  '@xmlns:vssd': 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData',
  '@xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
};
/** Numbers of CIM_ResourceAllocationSettingData.ResourceType. */
const RESOURCE = { cpu: 3, memory: 4, scsi: 6, ethernet: 10, disk: 17 };

/** Writes the descriptor of a virtual machine with one disk and one network interface. */
export function writeOvf({ name, cpus, memory, system, disk, hardware }: OvfMachine): string {
  const guest = findGuestOs(system, hardware.kind === 'vmware' ? hardware.version : 0);
  const osType: Xml = hardware.kind === 'vmware' ? { '@vmw:osType': hardware.osType ?? guest.osType } : {};
  const envelope: Xml = {
    ...NAMESPACES,
    References: { File: { '@ovf:href': disk.file, '@ovf:id': 'file1', '@ovf:size': disk.size } },
    DiskSection: {
      Info: 'Virtual disks',
      Disk: {
        '@ovf:capacity': disk.virtualSize,
        '@ovf:capacityAllocationUnits': 'byte',
        '@ovf:diskId': 'vmdisk1',
        '@ovf:fileRef': 'file1',
        '@ovf:format': DISK_FORMAT,
      },
    },
    NetworkSection: {
      Info: 'Logical networks',
      Network: { '@ovf:name': NETWORK, Description: 'The network of the machine' },
    },
    VirtualSystem: {
      '@ovf:id': name,
      Info: 'A virtual machine',
      Name: name,
      OperatingSystemSection: {
        '@ovf:id': guest.cim,
        ...osType,
        Info: 'The operating system',
        Description: `${system.os} ${system.version}`,
      },
      VirtualHardwareSection: {
        Info: 'The virtual hardware',
        System: {
          'vssd:ElementName': 'Virtual Hardware Family',
          'vssd:InstanceID': 0,
          'vssd:VirtualSystemIdentifier': name,
          'vssd:VirtualSystemType': hardware.kind === 'vmware' ? `vmx-${hardware.version}` : 'virtualbox-2.2',
        },
        Item: listItems(cpus, memory, hardware),
        ...(hardware.kind === 'vmware' ? { 'vmw:Config': listConfig(system) } : {}),
      },
    },
  };
  const builder = new XMLBuilder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    suppressBooleanAttributes: false,
    suppressEmptyNode: true,
    format: true,
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build({ Envelope: envelope })}`;
}

/** The parts of the virtual hardware. The schema wants the properties of each in alphabetical order. */
function listItems(cpus: number, memory: number, hardware: OvfHardware): Xml[] {
  const vmware = hardware.kind === 'vmware';
  const items: Record<string, string | number>[] = [
    {
      AllocationUnits: 'hertz * 10^6',
      ElementName: `${cpus} virtual CPUs`,
      InstanceID: 1,
      ResourceType: RESOURCE.cpu,
      VirtualQuantity: cpus,
    },
    {
      AllocationUnits: 'byte * 2^20',
      ElementName: `${memory} MiB of memory`,
      InstanceID: 2,
      ResourceType: RESOURCE.memory,
      VirtualQuantity: memory,
    },
    {
      Address: 0,
      ElementName: 'SCSI controller 0',
      InstanceID: 3,
      ResourceSubType: vmware ? 'VirtualSCSI' : 'lsilogic',
      ResourceType: RESOURCE.scsi,
    },
    {
      AddressOnParent: 0,
      ElementName: 'Hard disk 1',
      HostResource: 'ovf:/disk/vmdisk1',
      InstanceID: 4,
      Parent: 3,
      ResourceType: RESOURCE.disk,
    },
    {
      ...(vmware ? { AddressOnParent: 7 } : { Address: hardware.macAddress }),
      AutomaticAllocation: 'true',
      Connection: NETWORK,
      ElementName: 'Network adapter 1',
      InstanceID: 5,
      ResourceSubType: vmware ? 'VmxNet3' : 'E1000',
      ResourceType: RESOURCE.ethernet,
    },
  ];
  return items.map((item) => Object.fromEntries(Object.entries(item).map(([key, value]) => [`rasd:${key}`, value])));
}

/** The settings of VMware that a reader may ignore: the firmware, and Secure Boot. */
function listConfig({ firmware, secureBoot }: ConversionOptions['system']): Xml[] {
  const settings: [string, string][] = [
    ['firmware', firmware === 'uefi' ? 'efi' : 'bios'],
    ...(firmware === 'uefi'
      ? [['bootOptions.efiSecureBootEnabled', secureBoot ? 'true' : 'false'] satisfies [string, string]]
      : []),
  ];
  return settings.map(([key, value]) => ({ '@ovf:required': 'false', '@vmw:key': key, '@vmw:value': value }));
}
