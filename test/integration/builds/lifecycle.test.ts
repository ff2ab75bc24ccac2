import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TestEnv } from '../../support/test-env.js';
import { until } from '../../support/until.js';

const BODY = `
  <description>for tests</description>
  <packages><package name="tree"/></packages>
  <files><file name="/etc/motd.d/hello">hello</file><file name="/opt/b" type="base64">aGVsbG8=</file></files>
  <precommands><command name="before">echo before >> /root/order</command></precommands>
  <commands>
    <command name="second" position="2">echo second >> /root/order</command>
    <command name="first" position="1">echo first >> /root/order; test "$(cat /etc/motd.d/hello)" = hello; test "$(cat /opt/b)" = hello</command>
    <command name="in bash" position="3">[[ -f /etc/passwd ]] &amp;&amp; source /dev/null &amp;&amp; [[ "$(echo -e 'a\\tb' {x,y})" = $'a\\tb x y' ]]</command>
  </commands>`;

describe('a base image build', () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start();
  });
  after(() => env.close());

  it('installs, customises, lists, snapshots, and leaves only its images', async () => {
    const build = await env.build(env.template({ name: 'whole', body: BODY }));
    const result = await build.result();
    assert.deepEqual(env.leftovers(), []);
    const base = env.cloud.state.images.get(result.glanceId);
    assert.equal(base?.name, 'whole-base');
    assert.equal(base?.status, 'active');
    assert.equal(result.checksum?.value, base?.os_hash_value);
    for (const name of ['kernel_id', 'ramdisk_id', 'os_command_line', 'imagefactory_jeos']) {
      assert.equal(base?.properties[name], undefined, `${name} is still there`);
    }
    assert.equal(base?.properties['os_distro'], 'debian');
    assert.equal(base?.properties['imagefactory_image'], build.uuid);
    const [jeos] = env.images('jeos');
    assert.equal(jeos?.properties['kernel_id'], undefined);
    assert.equal(jeos?.properties['imagefactory_proven'], 'true');
  });

  it('leaves on its images what describes their system and their build, and nothing that describes an instance', async () => {
    const begun = Date.now();
    const result = await (await env.build(env.template({ name: 'tidy', body: BODY }), { reuse_jeos: false })).result();
    for (const id of [result.jeos.glance_id, result.glanceId]) {
      const properties = env.cloud.state.images.get(id)?.properties ?? {};
      const others = Object.keys(properties).filter((name) => !/^(architecture|(hw|os|imagefactory)_.*)$/.test(name));
      assert.deepEqual(others, []);
      assert.equal(properties['imagefactory_version'], '0.0.0-test');
      const builtAt = properties['imagefactory_built_at'] ?? '';
      assert.match(builtAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      // The property has whole seconds.
      assert.ok(Date.parse(builtAt) > begun - 1000 && Date.parse(builtAt) <= Date.now(), builtAt);
    }
  });

  it('sets image properties for the machines of its images: the firmware, and the channel to the guest agent', async () => {
    const body = '<packages><package name="qemu-guest-agent"/></packages>';
    const build = await env.build(env.template({ name: 'needs', version: '10', body }), { firmware: 'uefi' });
    const result = await build.result();
    const [base, jeos] = [result.glanceId, result.jeos.glance_id].map((id) => env.cloud.state.images.get(id));
    for (const image of [jeos, base]) {
      assert.equal(image?.properties['hw_firmware_type'], 'uefi');
      assert.equal(image?.properties['hw_machine_type'], 'q35');
    }
    assert.equal(base?.properties['hw_qemu_guest_agent'], 'yes');
    assert.equal(jeos?.properties['hw_qemu_guest_agent'], undefined);
  });

  it('writes the record of the original imagefactory, and the fields that it did not have', async () => {
    const build = await env.build(env.template({ name: 'recorded', body: BODY }), { download: true });
    const result = await build.result();
    const record = await build.record();
    assert.equal(record.status, 'COMPLETE');
    assert.equal(record.type, 'BaseImage');
    assert.equal(record.percent_complete, 100);
    assert.deepEqual(record.status_detail, { activity: 'Base Image build complete', error: null });
    assert.equal(record.properties['x-image-properties-glance_id'], result.glanceId);
    assert.equal(record.glance_id, result.glanceId);
    assert.match(record.icicle ?? '', /<package name="tree"\/>/);
    assert.equal(record.packages, result.packages);
    assert.equal(record.package_details?.length, result.packages);
    assert.deepEqual(
      record.package_details?.find(({ name }) => name === 'tree'),
      { name: 'tree', version: '1.0-1', architecture: 'amd64' },
    );
    assert.equal(record.icicle_warning, null);
    assert.equal(record.downloaded, true);
    assert.ok((record.timings['base.snapshot'] ?? 0) > 0);
  });

  for (const [what, extra, why] of [
    [
      'prints another number of lines',
      'echo one line',
      /^the ICICLE has no <extra>: .* printed 1 lines for \d+ packages/,
    ],
    ['fails', 'echo so sad >&amp;2; exit 3', /^the ICICLE has no <extra>: .* exit status 3: so sad$/],
  ] as const) {
    it(`keeps the image and its plain ICICLE when the template’s extra_command ${what}`, async () => {
      const template = env
        .template({ name: 'extra', body: BODY })
        .replace('</os>', `<icicle><extra_command>${extra}</extra_command></icicle></os>`);
      const build = await env.build(template);
      const result = await build.result();
      const record = await build.record();
      assert.equal(record.status, 'COMPLETE');
      assert.match(record.icicle ?? '', /<package name="tree"\/>/);
      assert.doesNotMatch(record.icicle ?? '', /<extra>/);
      assert.match(record.icicle_warning ?? '', why);
      assert.equal(record.packages, result.packages);
      const { steps } = await build.status();
      assert(steps.find(({ name }) => name === 'icicle')?.note?.includes(record.icicle_warning ?? ''));
    });
  }

  it('gives each package the line that the template’s extra_command, run by bash, prints for it', async () => {
    const extra = `[[ 1 ]] &amp;&amp; dpkg-query -W -f='\${Package} of \${Architecture}\\n'`;
    const template = env
      .template({ name: 'extras', body: BODY })
      .replace('</os>', `<icicle><extra_command>${extra}</extra_command></icicle></os>`);
    const build = await env.build(template);
    await build.result();
    assert.match((await build.record()).icicle ?? '', /<package name="tree">\n +<extra>tree of amd64<\/extra>/);
  });

  it('keeps the image when its packages cannot be listed', async () => {
    const command = 'rm -f /var/lib/dpkg/status &amp;&amp; mkdir /var/lib/dpkg/status';
    const body = `<commands><command name="break">${command}</command></commands>`;
    const build = await env.build(env.template({ name: 'unlisted', body }));
    assert.equal((await build.result()).packages, 0);
    const { status, icicle, packages, package_details: details, icicle_warning: warning } = await build.record();
    assert.deepEqual([status, icicle, packages, details], ['COMPLETE', null, null, null]);
    assert.match(warning ?? '', /^there is no ICICLE: list the installed packages: ended with exit status 2: /);
  });

  it('puts files of the worker’s machine into the image, from the folders that the worker allows', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'imagefactory-opened-'));
    const own = await TestEnv.start({ worker: false });
    try {
      await own.startWorker({ filesFrom: [folder] });
      await writeFile(join(folder, 'greeting'), 'from a file\n');
      const file = (url: string): string => `<files><file name="/etc/greeting" type="url">${url}</file></files>`;
      const check = '<commands><command name="look">grep -qx "from a file" /etc/greeting</command></commands>';
      const body = `${file(`file://${folder}/greeting`)}${check}`;
      await (await own.build(own.template({ name: 'local', body }))).result();
      const other = await own.build(own.template({ name: 'closed', body: file('file:///etc/hostname') }));
      const failure = await other.failure();
      assert.equal(failure.type, 'MediaUnavailable');
      assert.match(failure.message, /file:\/\/\/etc\/hostname is in none of the folders/);
    } finally {
      await own.close();
      await rm(folder, { recursive: true });
    }
  });

  it('reads nothing from the addresses of the worker’s machine, unless its operator has opened them', async () => {
    const own = await TestEnv.start({ worker: false });
    try {
      await own.startWorker({ allowAddresses: [] });
      const url = `${own.media.origin}/secret`;
      own.media.put('/secret', 'Secret-Lalibela');
      const command = `<commands><command name="look" type="url">${url}?token=x</command></commands>`;
      for (const template of [own.template({ body: command }), own.template({ iso: url }), own.template({ url })]) {
        const build = await own.build(template);
        const { type, message, nonRetryable, details } = await build.failure();
        assert.deepEqual([type, nonRetryable], ['MediaUnavailable', true], message);
        assert.match(message, /cannot fetch http:\/\/127\.0\.0\.1:\d+\/\S+: templates may not use loopback/);
        assert.match(JSON.stringify(details), /--allow-address CIDR/);
        assert.doesNotMatch(`${message}${JSON.stringify(await build.record())}`, /Secret-Lalibela/);
      }
      assert.equal(own.media.requests.length, 0);
    } finally {
      await own.close();
    }
  });

  it('starts from the JEOS that an earlier build has installed', async () => {
    await (await env.build(env.template({ name: 'reuse' }))).result();
    const servers = env.cloud.calls.count({ service: 'compute', method: 'POST', path: /\/servers$/ });
    const second = await (await env.build(env.template({ name: 'reuse' }))).result();
    assert.equal(second.jeos.reused, true);
    assert.equal(env.cloud.calls.count({ service: 'compute', method: 'POST', path: /\/servers$/ }) - servers, 1);
  });

  it('prefers a JEOS into which a build has logged in to an older one without such a proof', async () => {
    const template = env.template({ name: 'proven', body: '<disk><size>3</size></disk>' });
    const older = (await (await env.build(template)).result()).jeos.glance_id;
    delete env.cloud.state.images.get(older)?.properties['imagefactory_proven'];
    const newer = (await (await env.build(template, { reuse_jeos: 'False' })).result()).jeos.glance_id;
    const { jeos } = await (await env.build(template)).result();
    assert.equal(jeos.glance_id, newer);
    assert.notEqual(newer, older);
  });

  it('installs anew when reuse_jeos is False', async () => {
    await (await env.build(env.template({ name: 'anew' }))).result();
    const second = await (await env.build(env.template({ name: 'anew' }), { reuse_jeos: 'False' })).result();
    assert.equal(second.jeos.reused, false);
  });

  it('shares one installer run with another build that needs the same JEOS at once', async () => {
    const servers = env.cloud.calls.count({ service: 'compute', method: 'POST', path: /\/servers$/ });
    const template = env.template({ name: 'shared', version: '11' });
    const builds = await Promise.all([env.build(template), env.build(template), env.build(template)]);
    const results = await Promise.all(builds.map((build) => build.result()));
    assert.equal(new Set(results.map((result) => result.jeos.glance_id)).size, 1);
    assert.equal(env.cloud.calls.count({ service: 'compute', method: 'POST', path: /\/servers$/ }) - servers, 4);
    assert.deepEqual(env.leftovers(), []);
  });

  it('takes a floating IP when request_floating_ip is True, and gives it back', async () => {
    const build = await env.build(env.template({ name: 'floating' }), { request_floating_ip: 'True' });
    await build.result();
    const status = await build.status();
    assert.ok(env.cloud.calls.count({ service: 'network', method: 'POST', path: /floatingips/ }) >= 1);
    assert.ok(status.steps.find((step) => step.name === 'cleanup')?.note?.includes('floating IP'));
    assert.deepEqual(env.leftovers(), []);
  });

  it('stays within two hundred history events, installer run included', async () => {
    const build = await env.build(env.template({ name: 'events', version: '10' }));
    await build.result();
    const { jeosWorkflowId } = await build.status();
    const own = (await build.handle.describe()).historyLength;
    const jeos = (await env.temporal.client.workflow.getHandle(jeosWorkflowId ?? '').describe()).historyLength;
    assert.ok(own + jeos <= 200, `${own} + ${jeos} events`);
  });

  it('is removed from Glance and from the store by delete; a second delete finds nothing', async () => {
    const build = await env.build(env.template({ name: 'deleted' }));
    const { glanceId } = await build.result();
    const remove = () =>
      env.temporal.client.workflow.execute('deleteImage', {
        taskQueue: env.taskQueue,
        workflowId: `delete-${build.uuid}`,
        args: [{ uuid: build.uuid }],
      });
    assert.equal(((await remove()) as { found: boolean }).found, true);
    assert.equal(env.cloud.state.images.get(glanceId), undefined);
    assert.deepEqual(await remove(), { removed: [], found: false });
  });

  it('removes everything and ends cancelled when it is cancelled, wherever it is', async () => {
    for (const step of ['jeos', 'ssh', 'base.snapshot']) {
      const build = await env.build(env.template({ name: `cancelled-${step.replace('.', '-')}`, version: '9' }), {
        reuse_jeos: false,
      });
      await build.reaches(step);
      await build.handle.cancel();
      await assert.rejects(build.result(), /cancel/i);
      assert.equal((await build.record()).status, 'CANCELED');
    }
    // The installer run, for which no build waits any more, removes its resources itself. That takes a moment after the
    // build has ended.
    await until(() => env.leftovers().length === 0, 'nothing is left');
  });
});
