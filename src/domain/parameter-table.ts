import type { ParameterDefinition } from './parameter-definition.js';

function define<const T extends Record<string, ParameterDefinition>>(definitions: T): T {
  return definitions;
}

/**
 * Every parameter of `imagefactory base_image`. The documentation, the checks and the completion are made from this
 * table.
 */
export const PARAMETERS = define({
  install_script: {
    kind: 'text',
    group: 'article',
    description:
      'Text of the auto-install script: a kickstart file, a preseed file, or another file that the system’s installer reads. Give it with --file-parameter. It must end by powering the machine off. Default: the system’s stock script, which imagefactory install-script prints.',
    origin: 'imagefactory',
  },
  flavor: {
    kind: 'text',
    group: 'article',
    description:
      'Flavor of both instances, by id or name. Its disk must be at least as large as the template asks for.',
    origin: 'imagefactory',
  },
  request_floating_ip: {
    kind: 'pool',
    group: 'article',
    default: false,
    description:
      'Gives the customisation instance a floating IP. True takes it from the external network to which the router of the instance’s network leads; a name takes it from the external network of that name.',
    origin: 'imagefactory',
  },
  default_user: {
    kind: 'text',
    group: 'article',
    default: 'root',
    description:
      'User who may log in to the installed system with the SSH key of its metadata. In Windows, root means Administrator.',
    origin: 'imagefactory',
  },
  command_prefix: {
    kind: 'text',
    group: 'article',
    default: '',
    description: 'Command that makes a command of default_user privileged, usually sudo. In Windows it has no effect.',
    origin: 'imagefactory',
  },
  public: {
    kind: 'boolean',
    group: 'result',
    default: false,
    description: 'Makes the base image public. The cloud must allow that.',
    origin: 'imagefactory',
  },
  image_name: {
    kind: 'text',
    group: 'result',
    description: 'Name of the base image in Glance. Default: the template’s name followed by -base.',
  },
  download: {
    kind: 'boolean',
    group: 'result',
    default: false,
    description:
      'Downloads the base image into the storage directory as <uuid>.body, and checks it against its digest.',
  },
  generate_icicle: {
    kind: 'boolean',
    group: 'result',
    default: true,
    description: 'Lists the installed packages in an ICICLE document.',
    origin: 'imagefactory (TinMan)',
  },
  network: {
    kind: 'text',
    group: 'placement',
    description: 'Network of both instances, by id or name. Default: the only network of the project.',
  },
  availability_zone: {
    kind: 'text',
    group: 'placement',
    description: 'Availability zone of both instances. Default: the cloud chooses it.',
  },
  config_drive: {
    kind: 'boolean',
    group: 'placement',
    default: false,
    description: 'Gives the instances a configuration drive besides the metadata service.',
  },
  jeos: {
    kind: 'text',
    group: 'installer',
    description:
      'Image that exists, which the build customises instead of a system that it installs: glance:NAME or glance:UUID; or the path of a file on the worker’s machine (/DIR/FILE), below a folder that the worker’s --files-from allows; or an address with http, https or ftp, with jeos_checksum. The template’s <install> and the parameters of the installer then have no effect. An image in Glance is booted as it is, and never changed. The command line’s --jeos sets it as well.',
  },
  jeos_checksum: {
    kind: 'text',
    group: 'installer',
    description: 'Digest of the image in parameter jeos, as sha256:… or sha512:…. An address needs it.',
  },
  disk_layout: {
    kind: 'choice',
    choices: ['plain', 'lvm', 'efi'],
    group: 'installer',
    default: 'plain',
    description:
      'How a stock install script divides the disk: one root file system (plain), LVM (lvm), or a GPT for machines that boot by UEFI (efi). It has no effect on an install script that you give.',
  },
  firmware: {
    kind: 'choice',
    choices: ['bios', 'uefi', 'secure_boot'],
    group: 'installer',
    description:
      'Firmware that starts the machines of the build and of its image: BIOS, UEFI, or UEFI that runs only signed boot loaders (secure_boot, x86_64). Default: uefi where a stock script divides the disk for UEFI (disk_layout efi), else the cloud’s default for the architecture.',
  },
  boot_method: {
    kind: 'choice',
    choices: ['direct', 'stub', 'iso'],
    group: 'installer',
    description:
      'What the installer’s instance starts from. direct: the cloud gives it kernel, ramdisk and command line. stub: a small disk that the worker makes, with a boot loader for BIOS and UEFI (x86_64, i386). iso: the medium from which the system is installed. The worker makes a copy of the medium with the boot loader of stub, or with the medium’s own boot loader where no other can start the installer. With direct and stub, the unchanged medium is in a CD-ROM drive. Default: direct where Glance takes kernel images (aki, ari), else stub; iso where only the medium’s own boot loader can start the installer.',
  },
  script_transport: {
    kind: 'choice',
    choices: ['user_data', 'config_drive', 'initrd', 'medium'],
    group: 'installer',
    description:
      'How the install script reaches the installer. user_data: from the metadata service. config_drive: from the configuration drive (AutoYaST, autoinstall, and kickstart for releases that support inst.ks). initrd: appended to the ramdisk, of any length (preseed, kickstart). medium: on a copy of the medium from which the system is installed, of any length. With initrd and medium, everybody who may read the project’s images can read the script while the installer runs. Default: user_data, or medium where the installer reads the script from nowhere else (Mageia, Mandriva, FreeBSD; for Windows, the script is on a small medium in a second drive).',
  },
  root_disk: {
    kind: 'choice',
    choices: ['local', 'volume'],
    group: 'placement',
    description:
      'Where both instances have their disk. local: on the hypervisor, as large as the flavor says. volume: a volume of the cloud’s block storage (Cinder), as large as the template’s <disk> says, else as the flavor’s disk, else 10 GiB, and never smaller than the image of jeos needs; the image is then made from the volume. Default: volume where the flavor’s disk is 0 and the cloud has block storage, else local.',
  },
  volume_type: {
    kind: 'text',
    group: 'placement',
    description: 'Type of the volumes that a build creates, by name or id. Default: the cloud’s default type.',
  },
  render_script: {
    kind: 'boolean',
    group: 'installer',
    default: false,
    description:
      'Replaces ${rootpw}, ${url}, ${name}, ${os_name}, ${os_version} and ${arch} in the install script with the template’s values. Write $${ for a literal ${.',
  },
  assume_poweroff: {
    kind: 'boolean',
    group: 'installer',
    default: false,
    description:
      'Says that the machine powers itself off at the end of the installation, where the check of the install script cannot see that: in a file that the script includes, or in a program that it runs. Where the check would refuse the script for this reason, it then only warns. The build still waits for the power-off.',
  },
  reuse_jeos: {
    kind: 'boolean',
    group: 'installer',
    default: true,
    description: 'Starts from the JEOS snapshot of an earlier build whose installer had exactly the same input.',
  },
  kernel_checksum: {
    kind: 'text',
    group: 'installer',
    description:
      'Digest that the installer’s kernel must have, as sha256:… or sha512:…. Default: the digest that the install tree publishes, if there is one.',
  },
  ramdisk_checksum: {
    kind: 'text',
    group: 'installer',
    description: 'Digest that the installer’s ramdisk must have, as sha256:… or sha512:….',
  },
  iso_checksum: {
    kind: 'text',
    group: 'installer',
    description:
      'Digest that the medium must have, as sha256:… or sha512:…. Default: the digest in the template’s checksum file, where the template names one.',
  },
  checksum_key: {
    kind: 'text',
    group: 'installer',
    description:
      'OpenPGP public keys, armored. One of them must have signed the checksums of the installer’s files or of its medium: in the checksum file itself, or in a file beside it (.gpg, .asc, .sign, .sig). Then the build boots no file without a signed checksum, unless the file’s digest is a parameter. --file-parameter checksum_key FILE reads the keys from a file.',
  },
  web_download: {
    kind: 'boolean',
    group: 'installer',
    default: false,
    description:
      'Lets Glance fetch the installer’s files, or its medium, from their http(s) address (web-download), where the cloud supports that. Their bytes do not pass through the worker, unless it must take files out of a medium. Glance computes a SHA-512 digest; to check a digest of another kind, the worker reads the bytes.',
  },
  drivers_iso: {
    kind: 'text',
    group: 'installer',
    description:
      'Address of a medium with drivers, which the installer gets in a separate drive: for Windows the ISO of virtio-win. Without it, a Windows machine gets a disk and a network card for which Windows itself has drivers: SATA and e1000e where the machine is of type q35, else IDE and e1000.',
  },
  drivers_iso_checksum: {
    kind: 'text',
    group: 'installer',
    description: 'Digest that the medium with drivers must have, as sha256:… or sha512:….',
  },
  windows_image: {
    kind: 'text',
    group: 'installer',
    description:
      'The image on its medium that a stock script of Windows installs, by number or name. Default: the image that belongs to the template’s <key>; without a <key>, the first image.',
  },
  install_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 7200,
    description: 'How long the installer may take, from the boot of its instance to the power-off.',
  },
  inactivity_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 1200,
    description:
      'How long an installer may be silent: nothing new on its console, and, where the cloud reports them, no disk or network traffic.',
  },
  boot_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 900,
    description:
      'How long an instance may take to become ACTIVE, and then how long it may take until it accepts the login over SSH. Each wait has the full time.',
  },
  shutdown_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 300,
    description: 'How long the customised guest may take to shut down.',
  },
  snapshot_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 3600,
    description: 'How long a snapshot may take until its image is active.',
  },
  command_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 3600,
    description: 'How long one command, or the installation of the packages, may take in the guest.',
  },
  media_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 1800,
    description:
      'How long it may take to fetch the installer’s kernel and ramdisk, or its medium, and to put them into Glance.',
  },
  quota_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 3600,
    description:
      'How long to wait while a quota is used up or no host has room. The time counts from the last moment at which any build of the project’s create queue got its instance, so a build continues to wait as long as other builds get their instances. The time in the queue does not count in timeout.',
  },
  timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 14400,
    description:
      'How long the whole build may take. The time in which it is held or waits in the create queue does not count. The command line’s --timeout sets it as well.',
    origin: 'imagefactory',
  },
  on_error: {
    kind: 'choice',
    choices: ['cleanup', 'hold', 'keep'],
    group: 'failure',
    default: 'cleanup',
    description:
      'What happens when a step fails. cleanup: the build removes everything and fails. hold: the build waits, and its instance stays alive, until imagefactory resume or abort decides. keep: the build fails, and its resources stay for keep_for. The command line’s --on-error sets it as well.',
  },
  hold_for: {
    kind: 'seconds',
    group: 'failure',
    default: 86400,
    description:
      'How long a held build waits for a decision before it is cleaned up. The command line’s --hold-for sets it as well.',
  },
  keep_for: {
    kind: 'seconds',
    group: 'failure',
    default: 86400,
    description: 'How long the sweeper keeps the resources of a failed build, with on_error keep.',
  },
  rerunnable_commands: {
    kind: 'boolean',
    group: 'failure',
    default: false,
    description:
      'Runs a command again that was interrupted because the guest rebooted. Without it, such a command fails the step, because it may have done half of its work.',
  },
});

export type ParameterName = keyof typeof PARAMETERS;
