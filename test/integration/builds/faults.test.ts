import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Behaviour } from '../../fakes/openstack/compute/behaviour.js';
import { TestEnv, PRESEED, type Build, type TemplateParts } from '../../support/test-env.js';
import { until } from '../../support/until.js';

/** A build that cannot succeed, and the failure that it must report. */
interface Case {
  what: string;
  template?: TemplateParts;
  text?: string;
  parameters?: Record<string, unknown>;
  cloud?: string;
  behaviour?: Behaviour;
  prepare?: (env: TestEnv) => void;
  type: string;
  says: RegExp;
}

const CASES: Case[] = [
  { what: 'broken XML', text: '<template><name>x</name>', type: 'InvalidTemplate', says: /tiny\.tdl:\d+:\d+/ },
  { what: 'XML that is no TDL', text: '<html/>', type: 'InvalidTemplate', says: /template/ },
  { what: 'an unknown operating system', template: { os: 'Plan9' }, type: 'UnsupportedOs', says: /Plan9/ },
  { what: 'an unknown version', template: { version: 'seven' }, type: 'UnsupportedOs', says: /seven/ },
  {
    what: 'an install script that never powers off',
    parameters: { install_script: 'd-i passwd/make-user boolean false\n' },
    type: 'InvalidInstallScript',
    says: /power/i,
  },
  { what: 'media that are not there', template: { url: '/nowhere' }, type: 'MediaUnavailable', says: /404/ },
  {
    what: 'an unreachable mirror',
    template: { url: 'http://127.0.0.1:9/netboot' },
    parameters: { media_timeout: 3 },
    type: 'MediaUnavailable',
    says: /127\.0\.0\.1:9/,
  },
  {
    what: 'a kernel with another checksum',
    parameters: { kernel_checksum: `sha256:${'0'.repeat(64)}` },
    type: 'ChecksumMismatch',
    says: /0{64}/,
  },
  { what: 'an unknown cloud', cloud: 'nowhere', type: 'UnknownCloud', says: /nowhere.*envvars/ },
  { what: 'an unknown flavor', parameters: { flavor: 'm9.huge' }, type: 'NotFound', says: /m9\.huge/ },
  { what: 'an unknown network', parameters: { network: 'moon' }, type: 'NotFound', says: /moon/ },
  {
    what: 'a flavor with a smaller disk than the template asks for',
    template: { body: '<disk><size>20</size></disk>' },
    type: 'InvalidParameter',
    says: /5 GiB.*20 GiB/,
  },
  {
    what: 'a server that finds no host',
    behaviour: { match: { boots: 'installer' }, create: 'error' },
    parameters: { quota_timeout: 3 },
    type: 'ServerFailed',
    says: /No valid host was found/,
  },
  {
    what: 'an installer that never powers off',
    behaviour: { installer: 'never-off' },
    parameters: { install_timeout: 3 },
    type: 'DeadlineExceeded',
    says: /has not powered its machine off/,
  },
  {
    what: 'an installer that falls silent',
    behaviour: { installer: 'silent' },
    parameters: { inactivity_timeout: 2 },
    type: 'InstallSilent',
    says: /no sign of life for 2 s/,
  },
  {
    what: 'an installer that powers off at once',
    behaviour: { installer: 'off-at-once' },
    type: 'InstallFailed',
    says: /was off after/,
  },
  {
    what: 'an installer that prints a failure',
    behaviour: { installer: 'fails', failureLine: 'IMAGEFACTORY-ERROR no disk' },
    type: 'InstallFailed',
    says: /IMAGEFACTORY-ERROR no disk/,
  },
  {
    what: 'an installer that halts and leaves its machine on',
    behaviour: { installer: 'fails', failureLine: '[  812.190511] reboot: System halted' },
    type: 'InstallFailed',
    says: /reports a failure: .*System halted/,
  },
  {
    what: 'an installer of FreeBSD that halts and leaves its machine on',
    behaviour: { installer: 'fails', failureLine: 'The operating system has halted.' },
    type: 'InstallFailed',
    says: /operating system has halted/,
  },
  {
    what: 'an old anaconda that halts and leaves its machine on',
    behaviour: { installer: 'fails', failureLine: 'you may safely reboot your system' },
    type: 'InstallFailed',
    says: /may safely reboot/,
  },
  {
    what: 'an installer that prints a failure and powers off, as if it were done',
    behaviour: { installer: 'fails-and-off', failureLine: 'IMAGEFACTORY-ERROR no disk' },
    type: 'InstallFailed',
    says: /IMAGEFACTORY-ERROR no disk/,
  },
  {
    what: 'a guest without SSH',
    behaviour: { match: { boots: 'disk' }, guest: { ssh: false } },
    parameters: { boot_timeout: 3 },
    type: 'GuestUnreachable',
    says: /no login over SSH by the deadline/,
  },
  {
    what: 'the wrong user',
    parameters: { default_user: 'ec2-user', boot_timeout: 3 },
    type: 'GuestLoginRefused',
    says: /ec2-user/,
  },
  {
    what: 'a user without sudo',
    behaviour: { match: { boots: 'disk' }, guest: { sudo: 'password' } },
    parameters: { boot_timeout: 5 },
    type: 'GuestLoginRefused',
    says: /password/,
  },
  {
    what: 'a command that fails',
    template: { body: '<commands><command name="bad">echo so sad; exit 7</command></commands>' },
    type: 'CommandFailed',
    says: /bad.*exit status 7[\s\S]*so sad/,
  },
  {
    what: 'a package that does not exist',
    template: { body: '<packages><package name="no-such-package"/></packages>' },
    type: 'CommandFailed',
    says: /Unable to locate package no-such-package/,
  },
  { what: 'a snapshot that is killed', behaviour: { snapshot: 'killed' }, type: 'ImageFailed', says: /killed/ },
  { what: 'a snapshot with no bytes', behaviour: { snapshot: 'empty' }, type: 'ImageFailed', says: /empty/ },
  {
    what: 'a guest that does not shut down',
    behaviour: { match: { boots: 'disk' }, guest: { ignoresShutdown: true } },
    parameters: { shutdown_timeout: 3 },
    type: 'DeadlineExceeded',
    says: /did not shut down by the deadline/,
  },
];

describe(
  'a build that cannot succeed fails with one clear sentence and leaves nothing:',
  { concurrency: false },
  () => {
    let env: TestEnv;
    before(async () => {
      env = await TestEnv.start();
    });
    after(() => env.close());
    beforeEach(() => env.cloud.behaviours.clear());

    async function begin(test: Case, index: number): Promise<Build> {
      test.prepare?.(env);
      const url =
        test.template?.url?.startsWith('/') === true
          ? `${env.media.debianUrl}${test.template.url}`
          : test.template?.url;
      const parts = { name: `case-${index}`, ...test.template, ...(url === undefined ? {} : { url }) };
      // The comment in the script gives every case its own installer run. With the JEOS of an earlier case, the steps
      // before the JEOS would not run.
      const script = `${PRESEED}# ${index}\n`;
      return env.build(test.text ?? env.template(parts), { install_script: script, ...test.parameters }, test.cloud);
    }

    CASES.forEach((test, index) => {
      it(test.what, async () => {
        if (test.behaviour !== undefined) env.cloud.behaviours.add(test.behaviour);
        const build = await begin(test, index);
        const failure = await build.failure();
        assert.equal(failure.type, test.type, failure.message);
        assert.match(failure.message, test.says);
        const status = await build.status();
        assert.equal(status.status, 'FAILED');
        assert.deepEqual(status.leftovers, []);
        assert.deepEqual(env.leftovers(), []);
        const record = await build.record();
        assert.equal(record.status, 'FAILED');
        assert.match(record.status_detail.error ?? '', test.says);
      });
    });

    it('a wrong password', async () => {
      const other = await TestEnv.start({ temporal: env.temporal, cloud: { credentials: { password: 'right' } } });
      try {
        await other.stopWorker();
        const variables = { ...other.cloud.env(), OS_PASSWORD: 'wrong' };
        other.cloud.env = () => variables;
        await other.startWorker();
        const failure = await (await other.build(other.template())).failure();
        assert.equal(failure.type, 'AuthenticationFailed');
        assert.doesNotMatch(JSON.stringify(failure), /wrong"/);
        assert.deepEqual(other.leftovers(), []);
      } finally {
        await other.close();
      }
    });

    it('an instance that Nova accepts to delete but keeps: the build names it, and the security group that it uses', async () => {
      const other = await TestEnv.start({ temporal: env.temporal });
      try {
        other.cloud.behaviours.add({ match: { boots: 'disk' }, delete: 'stuck' });
        const body = '<commands><command name="no">false</command></commands>';
        const build = await other.build(other.template({ body }), { request_floating_ip: 'True' });
        assert.equal((await build.failure()).type, 'CommandFailed');
        const { leftovers = [] } = await build.status();
        const still = 'the cloud has accepted the request to remove it, but it still exists';
        const [server] = [...other.cloud.state.servers.keys()];
        assert.ok(leftovers.includes(`instance ${server}: ${still}`), leftovers.join('\n'));
        assert.match(leftovers.join('\n'), /^security group \S+: .*in use/m);
        assert.equal(leftovers.length, 2);
      } finally {
        await other.close();
      }
    });

    it('a guest that is stopped from outside before the build has removed its key', async () => {
      const build = await env.build(env.template());
      const admitted = { service: 'network', method: 'GET', path: /\/security-groups\?tags=/ } as const;
      const disarm = env.cloud.faults.add({
        kind: 'held',
        match: admitted,
        when: 'before',
        times: Infinity,
        decide: async () => {
          const running = (await build.status()).steps.find(({ state }) => state === 'running');
          if (running?.name !== 'shutdown') return 'go';
          disarm();
          const server = [...env.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid));
          await env.cloud.stopServer(server?.id ?? '');
          return 'go';
        },
      });
      const failure = await build.failure();
      assert.equal(failure.type, 'ServerFailed');
      assert.match(
        failure.message,
        /^shutdown: instance \S+ is off: the guest has shut down, or was stopped from outside/,
      );
      assert.deepEqual(env.leftovers(), []);
    });

    it('a quota that stays used up until the deadline', async () => {
      env.cloud.state.quotas.instances = 0;
      try {
        const build = await env.build(env.template({ name: 'quota' }), {
          install_script: `${PRESEED}# quota\n`,
          quota_timeout: 4,
        });
        const failure = await build.failure();
        assert.equal(failure.type, 'QuotaExceeded');
        assert.match(failure.message, /[Qq]uota exceeded/);
        assert.deepEqual(env.leftovers(), []);
      } finally {
        env.cloud.state.quotas.instances = -1;
      }
    });

    it('but a build waits for a quota that becomes free again, and succeeds', async () => {
      env.cloud.state.quotas.instances = 0;
      const build = await env.build(env.template({ name: 'freed' }), { install_script: `${PRESEED}# freed\n` });
      await build.reaches('jeos');
      const asks = { service: 'compute', method: 'POST', path: /\/servers$/ } as const;
      await until(() => env.cloud.calls.count(asks) > 0, 'the request for an instance');
      env.cloud.state.quotas.instances = -1;
      await build.result();
    });
  },
);
