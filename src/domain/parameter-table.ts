/** The kinds of parameter values. `pool`: a boolean, or the name of an external network. */
export type ParameterKind = 'text' | 'boolean' | 'seconds' | 'integer' | 'pool' | 'choice' | 'list';

export interface ParameterDefinition {
  kind: ParameterKind;
  /** Its meaning, as printed in `docs/parameters.md` and by the shell completion. */
  description: string;
  /** Default value; undefined if there is none. */
  default?: string | number | boolean;
  /** The values of a `choice`. */
  choices?: readonly string[];
  /** Heading in the documentation. */
  group: 'article' | 'placement' | 'result' | 'deadlines' | 'installer' | 'failure';
  /** The program that introduced the parameter, if it is not ours. */
  origin?: string;
}

function define<const T extends Record<string, ParameterDefinition>>(definitions: T): T {
  return definitions;
}

/** Every parameter of `imagefactory base_image`. Documentation, validation and completion are made from this table. */
export const PARAMETERS = define({
  install_script: {
    kind: 'text',
    group: 'article',
    description:
      'Text of the auto-install script: a kickstart or preseed file, or whatever the system’s installer reads. Give it with --file-parameter. It must end by powering the machine off. Default: the system’s stock script, which imagefactory install-script prints.',
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
      'Give the customisation instance a floating IP: True takes it from the external network that the router of its network leads to, a name from that external network.',
    origin: 'imagefactory',
  },
  default_user: {
    kind: 'text',
    group: 'article',
    default: 'root',
    description:
      'User that the installed system lets in with the SSH key of its metadata. Where it is root, in Windows Administrator is meant.',
    origin: 'imagefactory',
  },
  command_prefix: {
    kind: 'text',
    group: 'article',
    default: '',
    description: 'What makes a command of default_user privileged, usually sudo. Nothing does in Windows.',
    origin: 'imagefactory',
  },
  public: {
    kind: 'boolean',
    group: 'result',
    default: false,
    description: 'Make the base image public (the cloud must allow it).',
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
    description: 'Fetch the base image into the storage directory as <uuid>.body, checked against its digest.',
  },
  generate_icicle: {
    kind: 'boolean',
    group: 'result',
    default: true,
    description: 'List the installed packages in an ICICLE document.',
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
    description: 'Availability zone of both instances. Default: the cloud’s own choice.',
  },
  config_drive: {
    kind: 'boolean',
    group: 'placement',
    default: false,
    description: 'Give the instances a configuration drive besides the metadata service.',
  },
  disk_layout: {
    kind: 'choice',
    choices: ['plain', 'lvm', 'efi'],
    group: 'installer',
    default: 'plain',
    description:
      'How a stock install script divides the disk: one root file system, LVM, or a GPT for machines that boot by UEFI. Without effect on a script that is given.',
  },
  firmware: {
    kind: 'choice',
    choices: ['bios', 'uefi', 'secure_boot'],
    group: 'installer',
    description:
      'What starts the machines of the build and of its image: BIOS, UEFI, or UEFI that runs signed boot loaders only (x86_64). Default: uefi where a stock script divides the disk for it (disk_layout efi), else what the cloud has for the architecture.',
  },
  boot_method: {
    kind: 'choice',
    choices: ['direct', 'stub', 'iso'],
    group: 'installer',
    description:
      'What the installer’s instance starts from. direct: the cloud gives it kernel, ramdisk and command line. stub: a small disk that the worker makes, with a boot loader for BIOS and UEFI (x86_64, i386). iso: the medium that the system is installed from, made anew by the worker with that boot loader, or with its own where no other can start it. With direct and stub such a medium is in a CD-ROM drive beside them, as it is. Default: direct where Glance takes kernel images (aki, ari), else stub; iso where only the medium’s own boot loader will do.',
  },
  script_transport: {
    kind: 'choice',
    choices: ['user_data', 'config_drive', 'initrd', 'medium'],
    group: 'installer',
    description:
      'How the install script reaches the installer. user_data: from the metadata service. config_drive: from the configuration drive (AutoYaST, autoinstall, and kickstart for releases that know inst.ks). initrd: appended to the ramdisk, of any length (preseed, kickstart). medium: put on the medium that the system is installed from, which is made anew for it, of any length. With these two it is readable for whoever may read the project’s images while the installer runs. Default: user_data, or medium where the installer looks nowhere else (Mageia, Mandriva, FreeBSD; for Windows it is a small medium of its own, in a drive beside).',
  },
  root_disk: {
    kind: 'choice',
    choices: ['local', 'volume'],
    group: 'placement',
    description:
      'Where both instances have their disk. local: with the hypervisor, as large as the flavor says. volume: a volume of the cloud’s block storage (Cinder), as large as the template’s <disk> says, else as the flavor’s disk, else 10 GiB; the image is then made from the volume. Default: volume where the flavor’s disk is 0 and the cloud has block storage, else local.',
  },
  volume_type: {
    kind: 'text',
    group: 'placement',
    description: 'Type of the volumes that a build makes, by name or id. Default: the cloud’s own.',
  },
  render_script: {
    kind: 'boolean',
    group: 'installer',
    default: false,
    description:
      'Fill in ${rootpw}, ${url}, ${name}, ${os_name}, ${os_version} and ${arch} from the template wherever they stand in the install script. $${ stands for ${.',
  },
  reuse_jeos: {
    kind: 'boolean',
    group: 'installer',
    default: true,
    description: 'Start from the JEOS snapshot of an earlier build whose installer got exactly the same input.',
  },
  kernel_checksum: {
    kind: 'text',
    group: 'installer',
    description:
      'Digest that the installer’s kernel must have, as sha256:… or sha512:…. Default: the one that the tree itself publishes, where it does.',
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
      'Digest that the medium must have, as sha256:… or sha512:…. Default: the one that the template’s checksum file has, where it names one.',
  },
  checksum_key: {
    kind: 'text',
    group: 'installer',
    description:
      'OpenPGP public keys, armored, of which one must have signed the checksums that the installer’s files or its medium are checked against, in the checksum file itself or in one beside it (.gpg, .asc, .sign, .sig). Then nothing is booted that no signed checksum vouches for, unless its digest is a parameter. --file-parameter checksum_key FILE reads them from a file.',
  },
  web_download: {
    kind: 'boolean',
    group: 'installer',
    default: false,
    description:
      'Lets Glance fetch the installer’s files, or its medium, from their http(s) address by itself (web-download), where the cloud offers that: their bytes do not pass the worker, unless something must be taken out of a medium. Glance knows the SHA-512 of what it has; of another digest the worker reads the bytes to check it.',
  },
  drivers_iso: {
    kind: 'text',
    group: 'installer',
    description:
      'Address of a medium with drivers, which the installer has in a drive of its own: for Windows the ISO of virtio-win. Without it the machines of a Windows get a disk and a network card that it has drivers for itself: SATA and e1000e where the machine is of type q35, else IDE and e1000.',
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
      'Which of the images on its medium a stock script of Windows installs: the number or the name. Default: the one that the template’s <key> is for; without a key the first.',
  },
  install_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 7200,
    description: 'How long the installer may take from the boot of its instance to the power-off.',
  },
  inactivity_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 1200,
    description:
      'How long an installer may be silent: nothing new on its console, and no disk or network traffic where the cloud shows it.',
  },
  boot_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 900,
    description: 'How long an instance may take to become ACTIVE, and again how long until it lets us in over SSH.',
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
      'How long fetching the installer’s kernel and ramdisk, or its medium, and putting them into Glance may take.',
  },
  quota_timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 3600,
    description:
      'How long to wait while a quota is used up or no host has room. It is counted from when a build of the project’s line last got on, so a line that moves is waited in for as long as it takes; the time in line is not counted in timeout.',
  },
  timeout: {
    kind: 'seconds',
    group: 'deadlines',
    default: 14400,
    description:
      'How long the whole build may take, the time not counted in which it is held or stands in line. The command line’s --timeout sets it as well.',
    origin: 'imagefactory',
  },
  on_error: {
    kind: 'choice',
    choices: ['cleanup', 'hold', 'keep'],
    group: 'failure',
    default: 'cleanup',
    description:
      'What a failed step leads to. cleanup: the build removes everything and fails. hold: it waits, its instance alive, until imagefactory resume or abort says how it goes on. keep: it fails, and what it made stays for keep_for. The command line’s --on-error sets it as well.',
  },
  hold_for: {
    kind: 'seconds',
    group: 'failure',
    default: 86400,
    description:
      'How long a held build waits for somebody before it is cleaned up. The command line’s --hold-for sets it as well.',
  },
  keep_for: {
    kind: 'seconds',
    group: 'failure',
    default: 86400,
    description: 'How long the sweeper leaves alone what a failed build has kept.',
  },
  rerunnable_commands: {
    kind: 'boolean',
    group: 'failure',
    default: false,
    description:
      'Run a command again that was interrupted because the guest rebooted. Without it such a command fails the step: it may have done half of its work.',
  },
});

export type ParameterName = keyof typeof PARAMETERS;
