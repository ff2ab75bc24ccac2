import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { parseParameters } from '../../../../src/domain/parameters.js';
import { type BuildPlan, computeJeosDigest, planBuild } from '../../../../src/planning/plan.js';
import { createMasker } from '../../../../src/planning/masker.js';
import { findSecrets } from '../../../../src/planning/secrets.js';
import { findProfile } from '../../../../src/os/registry.js';
import { checkInstallScript } from '../../../../src/os/scripts/check-install-script.js';
import { findScriptPasswords } from '../../../../src/os/passwords/script-passwords.js';
import { WINDOWS_SETUP } from '../../../../src/os/scripts/stock-parts/windows-setup.js';
import { INSTALLED } from '../../../../src/os/scripts/stock-parts/stock-input.js';
import { WINDOWS_VERSIONS } from '../../../../src/os/common/windows-versions.js';
import type { Template } from '../../../../src/tdl/types.js';
import { mediumTemplateOf, templateOf } from '../templates.js';

const PASSWORD = 'se<r&t:"1A';
const DRIVERS = 'http://m.example.org/virtio-win.iso';
const SSH = { kind: 'file', source: 'http://m.example.org/OpenSSH-Win64-v9.msi', destination: '/' } as const;

function template(version: string, os: Partial<Template['os']> = {}): Template {
  const install = { type: 'iso' as const, iso: 'http://m.example.org/win.iso', extras: [SSH] };
  return mediumTemplateOf('Windows', version, { rootpw: PASSWORD, install, ...os });
}

function plan(of: Template, parameters: Record<string, unknown> = {}): BuildPlan {
  return planBuild({ template: of, parameters: parseParameters(parameters) });
}

/** An element of the answer file: its attributes (with `@` before the name), texts and child elements by name. */
type Node = { [name: string]: Node | Node[] | string };

function answers(script: string): Record<string, Node> {
  assert.equal(XMLValidator.validate(script), true);
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '@', parseTagValue: false, isArray: (name) => ['settings', 'component', 'Path', 'PathAndCredentials', 'RunSynchronousCommand', 'SynchronousCommand'].includes(name) }); // prettier-ignore
  const { unattend } = parser.parse(script) as { unattend: { settings: { '@pass': string; component: Node[] }[] } };
  return Object.fromEntries(
    unattend.settings.flatMap(({ '@pass': pass, component }) =>
      component.map((one) => [`${pass} ${String(one['@name']).replace('Microsoft-Windows-', '')}`, one]),
    ),
  );
}

/** Returns the texts of all elements with a name, at any depth in a node. */
function texts(node: unknown, name: string): string[] {
  if (Array.isArray(node)) return node.flatMap((one) => texts(one, name));
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => [
    ...(key === name ? [value].flat().filter((one) => typeof one === 'string') : []),
    ...texts(value, name),
  ]);
}

describe('the plan of Windows', () => {
  for (const { name, arches, osinfo, modern, drivers } of WINDOWS_VERSIONS) {
    it(`installs ${name} from its own medium and a second medium with the answer file`, () => {
      for (const arch of arches) {
        const { installer, script, user, warnings } = plan(template(name, { arch }), { drivers_iso: DRIVERS });
        assert.equal(installer.scriptTransport, 'medium');
        assert.deepEqual(installer.medium, {
          url: 'http://m.example.org/win.iso',
          script: { path: 'autounattend.xml', beside: 'IMGFACTORY' },
        });
        assert.deepEqual(installer.drivers, { url: DRIVERS });
        const { imageProperties } = installer;
        assert.deepEqual(
          [imageProperties['os_type'], imageProperties['os_distro'], imageProperties['os_version']],
          ['windows', 'windows', osinfo],
        );
        assert.equal(imageProperties['hw_machine_type'], modern ? 'q35' : undefined);
        assert.deepEqual([imageProperties['hw_disk_bus'], imageProperties['hw_vif_model']], ['virtio', 'virtio']);
        assert.equal(user, 'Administrator');
        assert.equal(warnings.length, 1);

        assert.deepEqual(checkInstallScript('autounattend', script, { transport: 'medium' }).problems, []);
        const found = answers(script);
        assert.deepEqual(Object.keys(found), [
          'windowsPE International-Core-WinPE',
          'windowsPE PnpCustomizationsWinPE',
          'windowsPE Setup',
          'specialize Deployment',
          'specialize Shell-Setup',
          'oobeSystem International-Core',
          'oobeSystem Shell-Setup',
        ]);
        const word = arch === 'i386' ? 'x86' : 'amd64';
        for (const component of Object.values(found)) assert.equal(component['@processorArchitecture'], word);
        const paths = texts(found['windowsPE PnpCustomizationsWinPE'], 'Path').concat(
          texts(found['windowsPE PnpCustomizationsWinPE'], '#text'),
        );
        assert(script.includes(`<Path>E:\\viostor\\${drivers}\\${word}</Path>`), String(paths));
        assert(script.includes(`<Path>D:\\NetKVM\\${drivers}\\${word}</Path>`));
      }
    });
  }

  it('uses devices that Windows has drivers for when no drivers_iso is given', () => {
    const devices = (version: string, parameters: Record<string, unknown> = {}): unknown[] => {
      const { imageProperties } = plan(template(version), parameters).installer;
      return ['hw_disk_bus', 'hw_cdrom_bus', 'hw_vif_model', 'hw_machine_type'].map((name) => imageProperties[name]);
    };
    assert.deepEqual(devices('2016'), ['ide', 'ide', 'e1000', undefined]);
    assert.deepEqual(devices('2022'), ['sata', 'sata', 'e1000e', 'q35']);
    // A machine with UEFI has the machine type q35, which has no IDE.
    assert.deepEqual(devices('2016', { firmware: 'uefi' }), ['sata', 'sata', 'e1000e', 'q35']);
    assert.deepEqual(devices('2016', { drivers_iso: DRIVERS }), ['virtio', 'ide', 'virtio', undefined]);
    assert(!plan(template('2022')).script.includes('DriverPaths'));
  });

  it('warns that with UEFI the medium waits for a key', () => {
    const { warnings } = plan(template('2022'), { disk_layout: 'efi' });
    assert.match(warnings[0] ?? '', /nobody can press a key/);
  });

  it('has another JEOS digest for other drivers or another windows_image', () => {
    const digest = (parameters: Record<string, unknown>): string => {
      const given = parseParameters(parameters);
      return computeJeosDigest({ plan: planBuild({ template: template('2022'), parameters: given }), parameters: given, flavor: 'm1' }); // prettier-ignore
    };
    const sha = (digit: string): string => `sha256:${digit.repeat(64)}`;
    const all = [{}, { drivers_iso: DRIVERS }, { drivers_iso: `${DRIVERS}.new` }, { drivers_iso: DRIVERS, drivers_iso_checksum: sha('1') }, { windows_image: '2' }]; // prettier-ignore
    assert.equal(new Set(all.map(digest)).size, all.length);
  });

  it('treats a version that is not yet known like the newest version of its kind, with a warning', () => {
    for (const [version, folder] of [
      ['2028', '2k25'],
      ['12', 'w11'],
    ] as const) {
      // prettier-ignore
      const { script, warnings } = plan(template(version), { drivers_iso: DRIVERS });
      assert(script.includes(`\\${folder}\\amd64`));
      assert.match(warnings.join(), /newer than the known versions/);
    }
  });

  it('is refused for templates and parameters that Windows does not support', () => {
    const refused = (what: RegExp, of: Template, parameters: Record<string, unknown> = {}): void =>
      assert.throws(() => plan(of, parameters), what);
    refused(/needs a <rootpw>/, mediumTemplateOf('Windows', '2022'));
    refused(/does not accept this <rootpw>, because it is too simple/, template('2022', { rootpw: 'simple' }));
    assert(plan(template('11', { rootpw: 'simple' })).script.includes('simple'));
    const { install } = template('2016').os;
    refused(/has no OpenSSH/, template('2016', { install: { ...install, extras: [] } }));
    refused(/has no LVM/, template('2022'), { disk_layout: 'lvm' });
    refused(/only Administrator can log in/, template('2022'), { default_user: 'debian' });
    refused(/no command like sudo/, template('2022'), { command_prefix: 'sudo' });
    refused(/takes no kernel parameters/, template('2022', { kernelparam: 'quiet' }));
    refused(/cannot read its script/, template('2022'), { script_transport: 'user_data' });
    refused(/boot loader of its own medium/, template('2022'), { boot_method: 'direct' });
    refused(/is not an address/, template('2022'), { drivers_iso: 'virtio-win' });
    refused(/has its own drivers/, templateOf('Debian', '12'), { drivers_iso: DRIVERS });
  });

  it('keeps absolute Windows paths of files, and puts relative paths into the home of Administrator', () => {
    const files = ['C:\\inetpub\\a.txt', 'd:/x', '\\\\server\\share\\a', 'notes\\a.txt'].map((name) => ({ name, content: { type: 'raw' as const, text: '' } })); // prettier-ignore
    const named = plan({ ...template('2022'), files }).steps.map((step) =>
      step.kind === 'file' ? step.file.name : '',
    );
    assert.deepEqual(named, [...files.slice(0, 3).map(({ name }) => name), 'C:\\Users\\Administrator\\notes\\a.txt']);
  });
});

describe('a stock answer file of Windows', () => {
  it('partitions the disk for BIOS, and for UEFI', () => {
    const of = (layout: string): string => plan(template('2022'), { disk_layout: layout }).script;
    const setup = (script: string): Node | undefined => answers(script)['windowsPE Setup'];
    assert.deepEqual(texts(setup(of('plain')), 'Type'), ['Primary', 'Primary']);
    assert.deepEqual(texts(setup(of('plain')), 'Active'), ['true']);
    assert.match(of('plain'), /<InstallTo><DiskID>0<\/DiskID><PartitionID>2</);
    assert.deepEqual(texts(setup(of('efi')), 'Type'), ['EFI', 'MSR', 'Primary']);
    assert.deepEqual(texts(setup(of('efi')), 'Active'), []);
    assert.match(of('efi'), /<InstallTo><DiskID>0<\/DiskID><PartitionID>3</);
  });

  it('selects the image in windows_image, else the image of the product key, else the first image', () => {
    const of = (os: Partial<Template['os']>, parameters = {}): string => plan(template('2022', os), parameters).script;
    const image = (script: string): string[] => texts(answers(script)['windowsPE Setup'], 'Value');
    assert.deepEqual(image(of({})), ['1']);
    assert.match(of({}), /<ProductKey><WillShowUI>Never</);
    assert.deepEqual(image(of({ key: 'AAAAA-BBBBB' })), []);
    assert.match(of({ key: ' AAAAA-BBBBB ' }), /<ProductKey><Key>AAAAA-BBBBB<\/Key>/);
    const name = 'Windows Server 2022 SERVERDATACENTER';
    assert.match(of({ key: 'AAAAA-BBBBB' }, { windows_image: name }), new RegExp(`/IMAGE/NAME</Key><Value>${name}<`));
    assert.match(of({}, { windows_image: '4' }), /\/IMAGE\/INDEX<\/Key><Value>4</);
  });

  it('turns off the hardware checks of Windows 11, and of no other version', () => {
    assert.match(plan(template('11')).script, /LabConfig \/v BypassTPMCheck /);
    for (const version of ['10', '2025']) assert.doesNotMatch(plan(template(version)).script, /LabConfig/);
  });

  it('shuts down at the end, and has no command that is longer than Windows accepts', () => {
    const { script } = plan(template('2022'));
    const commands = texts(answers(script)['oobeSystem Shell-Setup'], 'CommandLine');
    assert.equal(commands.at(-1), 'shutdown.exe /s /f /t 5');
    for (const command of commands) assert(command.length <= 1024, String(command.length));
    for (const version of ['11', '2022']) {
      const paths = plan(template(version)).script.matchAll(/<Path>([^<]*)</g);
      for (const [, path = ''] of paths) assert(path.length <= 259, path);
    }
  });

  it('has its setup script in a comment, which is ASCII and has no two hyphens together', () => {
    const { script } = plan(template('2022'));
    assert(script.includes(`<!--${WINDOWS_SETUP}-->`));
    assert.doesNotMatch(WINDOWS_SETUP, /--|-$/);
    assert.match(WINDOWS_SETUP, /^param\(\$source\)\n[\x09\x0a\x20-\x7e]*$/);
    assert.match(WINDOWS_SETUP, new RegExp(`Write-Console '${INSTALLED}'`));
  });

  it('has only passwords that are found and masked', () => {
    const of = template('2022');
    const { script } = plan(of);
    assert.deepEqual(findScriptPasswords(script), ['se&lt;r&amp;t:&quot;1A']);
    const shown = createMasker(findSecrets(of, script)).mask(`${script}\n${PASSWORD}`);
    for (const secret of [PASSWORD, 'se&lt;r&amp;t:&quot;1A']) assert(!shown.includes(secret));
  });
});

describe('the tools of a Windows guest', () => {
  const tools = findProfile(template('2022')).profile;

  it('refuse the name of a package that Chocolatey would take for an option', () => {
    assert.throws(() => tools.installPackages(['7zip', '/force']), { type: 'InvalidTemplate' });
  });

  it('install packages and add sources with Chocolatey', () => {
    assert.match(tools.installPackages(['7zip', "it's"]).script, /^\$names = @\('7zip', 'it''s'\)\n/);
    const repository = { name: 'own', url: ' http://m.example.org/nuget ', signed: false, persisted: false, sslverify: true }; // prettier-ignore
    assert.match(
      tools.addRepository(repository).script,
      /^\$name = 'own'\n\$url = 'http:\/\/m\.example\.org\/nuget'\n/,
    );
    assert.match(tools.removeRepository(repository).script, /^\$name = 'own'\n[^]*source remove "--name=\$name"/);
  });

  it('prepare the image with sysprep, which leaves the machine on for the last step', () => {
    const { script } = tools.cleanGuest([]);
    assert.match(script, /'\/generalize', '\/oobe', '\/quiet', '\/quit'/);
    assert.match(script, /IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE/);
  });
});
