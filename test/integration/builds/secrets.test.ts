import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Payload } from '@temporalio/common';
import { run } from '../../../src/cli/cli.js';
import { EncryptionCodec } from '../../../src/codec/encryption-codec.js';
import { KEYS_VARIABLE, generateKeyLine, readPayloadKeysFromEnv, type PayloadKeys } from '../../../src/codec/keys.js';
import { printToConsole } from '../../fakes/openstack/compute/console.js';
import { MEDIA_ADDRESSES } from '../../fakes/openstack/media-server.js';
import { TestEnv, PRESEED, type Build } from '../../support/test-env.js';
import { temporalEnv } from '../../support/temporal.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

/** Secrets with unusual words, so that a search for them finds nothing else. */
const CLOUD_PASSWORD = 'CloudPassword-Zanzibar';
const ROOT_PASSWORD = 'RootPassword-Ouagadougou';
const SCRIPT_PASSWORD = 'ScriptPassword-Antananarivo';
const SCRIPT = `${PRESEED}d-i passwd/root-password password ${SCRIPT_PASSWORD}
d-i passwd/root-password-again password ${SCRIPT_PASSWORD}
`;
const URL_PASSWORD = 'UrlPassword-Timbuktu';
const REPOSITORY_PASSWORD = 'RepositoryPassword-Samarkand';
/** Secrets that are in the input of the workflow by design. Only users who may build can read them. */
const INPUT_SECRETS = [
  ROOT_PASSWORD,
  SCRIPT_PASSWORD,
  URL_PASSWORD,
  REPOSITORY_PASSWORD,
  Buffer.from(SCRIPT).toString('base64').slice(0, 60),
];
const PRIVATE_KEY = /PRIVATE KEY|openssh-key-v1/;
/** A command that prints one secret on standard output and another one on standard error. */
const TALKATIVE = `echo root is ${ROOT_PASSWORD}; echo script is ${SCRIPT_PASSWORD} &gt;&amp;2`;

/** A worker as it is deployed: in its own process, with a debug log. */
class LoggingWorker {
  log = '';
  private readonly child: ChildProcess;

  constructor(env: TestEnv, variables: Record<string, string>) {
    const options = {
      taskQueue: env.taskQueue,
      storagePath: env.storage,
      cachePath: join(env.storage, 'cache'),
      logFormat: 'json',
      logLevel: 'debug',
      pace: { shortest: 20, longest: 200 },
      allowAddresses: MEDIA_ADDRESSES,
    };
    const program = fileURLToPath(new URL('../../support/worker.ts', import.meta.url));
    this.child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(options)], {
      env: { ...process.env, ...env.variables(), ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    this.child.kill('SIGTERM');
    await once(this.child, 'exit');
  }
}

function withPassword(address: string, password: string): string {
  return address.replace('://', `://builder:${password}@`);
}

interface EventText {
  type: string;
  /** The activity's type, where the event schedules one. */
  activity: string;
  /** The text of the event: as Temporal stores it (`raw`), and with decoded payloads (`decoded`). */
  raw: string;
  decoded: string;
}

function isPayload(value: object): value is Payload {
  return 'metadata' in value && 'data' in value && (value as Payload).data instanceof Uint8Array;
}

/** Returns all strings and all bytes in a value as one text. It decodes bytes as text. */
async function textOf(value: unknown, decode: (payload: Payload) => Promise<Payload>): Promise<string> {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('utf8')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  const given = isPayload(value) ? { ...(await decode(value)) } : value;
  const parts = await Promise.all(Object.values(given).map((part) => textOf(part, decode)));
  return parts.join('');
}

for (const encrypted of [true, false]) {
  const what = `no secret is left to read ${encrypted ? 'with' : 'without'} payload keys`;
  describe(what, { concurrency: false, timeout: 240_000 }, () => {
    let env: TestEnv;
    let worker: LoggingWorker;
    let keys: PayloadKeys | undefined;
    const keyEnv: Record<string, string> = encrypted ? { [KEYS_VARIABLE]: generateKeyLine() } : {};
    const said: string[] = [];

    before(async () => {
      keys = readPayloadKeysFromEnv(keyEnv);
      env = await TestEnv.start({
        cloud: { credentials: { password: CLOUD_PASSWORD } },
        worker: false,
        ...(keys === undefined ? {} : { payloadKeys: keys }),
      });
      worker = new LoggingWorker(env, keyEnv);
    });
    after(async () => {
      await worker.stop();
      await env.close();
    });
    beforeEach(() => {
      env.cloud.behaviours.clear();
      env.cloud.faults.clear();
    });

    function template(name: string, body = ''): string {
      const rootpw = `<rootpw>${ROOT_PASSWORD}</rootpw></os>`;
      const url = withPassword(env.media.debianUrl, URL_PASSWORD);
      return env.template({ name, body, url }).replace('</os>', rootpw);
    }

    /** Starts a build. Cases with different scripts have different installer runs. */
    function build(name: string, parameters: Record<string, unknown> = {}, body = ''): Promise<Build> {
      return env.build(template(name, body), { install_script: SCRIPT, ...parameters });
    }

    async function command(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
      const variables = { ...keyEnv, ...temporalEnv(env.temporal) };
      const io = new RecordingIo(variables);
      const code = await run(['--task-queue', env.taskQueue, ...args], io);
      said.push(io.stdout, io.stderr);
      return { code, stdout: io.stdout, stderr: io.stderr };
    }

    async function saidOf(failed: Build): Promise<string> {
      const failure = await failed.failure();
      said.push(failure.message, JSON.stringify(failure.details), JSON.stringify(await failed.status()));
      return failure.message;
    }

    it('by a build that succeeds', async () => {
      const repository = withPassword('http://packages.example.org/debian', REPOSITORY_PASSWORD);
      const telling = `echo from ${repository} and ${withPassword(env.media.debianUrl, URL_PASSWORD)}`;
      const body = `<repositories><repository name="extra"><url>deb ${repository} bookworm main</url></repository></repositories>
        <commands><command name="talk">${TALKATIVE}; ${telling}</command></commands>`;
      const whole = await build('whole', {}, body);
      said.push(JSON.stringify(await whole.result()), JSON.stringify(await whole.status()));
      const image = await command('--output', 'json', 'images', JSON.stringify({ identifier: whole.uuid }));
      assert.match(image.stdout, /<rootpw>\*+<\/rootpw>/);
      assert.match(image.stdout, /root-password password \*{8}/);
    });

    it('by a plan that fails', async () => {
      assert.match(await saidOf(await build('plan', { flavor: 'm9.huge' })), /m9\.huge/);
    });

    it('by media that are not there', async () => {
      const url = `${withPassword(env.media.debianUrl, URL_PASSWORD)}/nowhere`;
      const lost = await env.build(template('nowhere').replace(/<url>.*?<\/url>/, `<url>${url}</url>`), {
        install_script: `${SCRIPT}# nowhere\n`,
      });
      assert.match(await saidOf(lost), /cannot fetch http:\/\/127\.0\.0\.1:\d+\/.*404/);
    });

    it('by a build that is held, and resumed with another template', async () => {
      const talk = (end: string): string =>
        template('held', `<commands><command name="talk">${TALKATIVE}; ${end}</command></commands>`);
      const held = await env.build(talk('exit 7'), { install_script: SCRIPT, on_error: 'hold' });
      await held.held();
      assert.match((await command('status', held.uuid)).stdout, /root is \*{8}/);
      const tdl = join(env.storage, 'held.tdl');
      await writeFile(tdl, talk('exit 0'), { mode: 0o600 });
      const { code, stderr } = await command('resume', held.uuid, '--template', tdl);
      assert.equal(code, 0, stderr);
      said.push(JSON.stringify(await held.result()), JSON.stringify(await held.status()));
    });

    it('by a build that has failed, and starts again', async () => {
      const bad = await build('again', {}, `<commands><command name="talk">${TALKATIVE}; exit 7</command></commands>`);
      assert.match(await saidOf(bad), /root is \*{8}/);
      const tdl = join(env.storage, 'again.tdl');
      await writeFile(tdl, template('again'), { mode: 0o600 });
      const { code, stderr } = await command('resume', bad.uuid, '--template', tdl);
      assert.equal(code, 0, stderr);
    });

    it('by a command that runs into its timeout', async () => {
      const body = `<commands><command name="slow">${TALKATIVE}; sleep 60</command></commands>`;
      assert.match(await saidOf(await build('slow', { command_timeout: 3 }, body)), /did not end .*\n.*root is \*{8}/s);
    });

    it('by an installer that prints its script', async () => {
      const failureLine = `IMAGEFACTORY-ERROR in: password ${SCRIPT_PASSWORD}`;
      env.cloud.behaviours.add({ installer: 'fails', failureLine });
      const message = await saidOf(await build('installer', { install_script: `${SCRIPT}# fails\n` }));
      assert.match(message, /IMAGEFACTORY-ERROR in: password \*{8}/);
    });

    it('by a Nova that quotes the user data that it refuses', async () => {
      const data = Buffer.from(`${SCRIPT}# refused\n`).toString('base64');
      const quoted = `Invalid input for field/attribute user_data. Value: ${data}. '${data}' is too long`;
      env.cloud.faults.add({
        kind: 'status',
        status: 400,
        message: quoted,
        match: { service: 'compute', method: 'POST', path: /\/servers$/ },
      });
      const message = await saidOf(await build('refused', { install_script: `${SCRIPT}# refused\n` }));
      assert.match(message, /user_data\. Value: …/);
    });

    it('by a guest without SSH whose console shows one', async () => {
      env.cloud.behaviours.add({ match: { boots: 'disk' }, guest: { ssh: false } });
      const silent = await build('silent', { boot_timeout: 3 });
      await silent.reaches('ssh');
      for (const server of env.cloud.state.servers.values())
        printToConsole(server, `root has ${ROOT_PASSWORD}\nlogin: `);
      assert.match(await saidOf(silent), /no login over SSH/);
      assert.match(JSON.stringify(await silent.status()), /root has \*{8}/);
    });

    it('by a command that fails, started on the command line', async () => {
      const tdl = join(env.storage, 'talk.tdl');
      const script = join(env.storage, 'talk.preseed');
      await writeFile(tdl, template('talk', `<commands><command name="bad">${TALKATIVE}; exit 7</command></commands>`));
      await writeFile(script, SCRIPT);
      for (const file of [tdl, script]) await chmod(file, 0o600);
      const parameters = { flavor: 'm1.small', default_user: 'debian', command_prefix: 'sudo' };
      const given = Object.entries(parameters).flatMap(([name, value]) => ['--parameter', name, value]);
      const { code, stderr } = await command('base_image', '--file-parameter', 'install_script', script, ...given, tdl);
      assert.equal(code, 1);
      // With payload keys, this message is encrypted in Temporal, and the command line has decrypted it.
      assert.match(stderr, /bad: ended with exit status 7/);
      assert.match(stderr, /root is \*{8}/);
      assert.match(stderr, /script is \*{8}/);
      const warned = /warning: the template carries a root password .*, and the install script carries a password/;
      if (encrypted) assert.doesNotMatch(stderr, /carries a/);
      else assert.match(stderr, warned);
      const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(stderr)?.[0] ?? '';
      assert.match((await command('status', uuid)).stdout, /exit status 7/);
    });

    it('by a build that is cancelled', async () => {
      const cancelled = await build('cancelled');
      await cancelled.reaches('ssh');
      await command('cancel', cancelled.uuid);
      await assert.rejects(cancelled.result(), /cancel/i);
    });

    it('by a cloud that no longer takes the worker’s password', async () => {
      env.cloud.identity.credentials.password = 'changed';
      env.cloud.identity.expireTokens();
      const refused = await build('unauthorised');
      assert.match(await saidOf(refused), /Keystone/);
      env.cloud.identity.credentials.password = CLOUD_PASSWORD;
    });

    function assertNothing(text: string, secrets: string[], where: string): void {
      for (const secret of secrets) assert.ok(!text.includes(secret), `${where} contains ${secret}`);
      assert.doesNotMatch(text, PRIVATE_KEY, where);
    }

    /**
     * Lists the secrets that must not appear anywhere: the password of the cloud, and the tokens that the cloud has
     * issued.
     */
    const cloudSecrets = (): string[] => [CLOUD_PASSWORD, ...env.cloud.identity.issuedTokens()];

    async function histories(): Promise<Map<string, EventText[]>> {
      const { workflow } = env.temporal.client;
      const codec = new EncryptionCodec(keys);
      const found = new Map<string, EventText[]>();
      for await (const { workflowId, runId } of workflow.list()) {
        const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
        const texts = (events ?? []).map(async (event) => ({
          type: Object.keys(event).find((name) => name.endsWith('EventAttributes')) ?? '',
          activity: event.activityTaskScheduledEventAttributes?.activityType?.name ?? '',
          raw: await textOf(event, async (payload) => payload),
          decoded: await textOf(event, async (payload) => (await codec.decode([payload]))[0] ?? payload),
        }));
        found.set(`${workflowId} ${runId}`, await Promise.all(texts));
      }
      return found;
    }

    it('in any event of any history', async () => {
      const all = await histories();
      assert.ok(all.size >= 10, `${all.size} workflows`);
      for (const [workflow, events] of all) {
        for (const [index, { type, activity, raw, decoded }] of events.entries()) {
          const where = `${workflow}, event ${index + 1} (${type} ${activity})`;
          assertNothing(decoded, cloudSecrets(), where);
          if (encrypted) assertNothing(raw, INPUT_SECRETS, where);
          // By design, the template and the script are in the input of the workflow and of its first activity. When a
          // held build is resumed with new files, these files are also in the input of the request and of its activity.
          const isInput =
            type === 'workflowExecutionStartedEventAttributes' ||
            type === 'workflowExecutionUpdateAcceptedEventAttributes' ||
            ['planBaseImage', 'replanBaseImage'].includes(activity);
          if (!isInput) assertNothing(decoded, INPUT_SECRETS, where);
        }
      }
      const raw = [...all.values()].flat().map((event) => event.raw);
      const told = raw.some((text) => /exit status 7|Antananarivo|m9\.huge|IMAGEFACTORY-ERROR/.test(text));
      assert.equal(told, !encrypted, 'failures must be readable only without payload keys');
    });

    it('in any line of the worker’s log', () => {
      assert.match(worker.log, /"level":20/, 'the log has no debug lines');
      assert.match(worker.log, /exit status 7/);
      assertNothing(worker.log, [...cloudSecrets(), ...INPUT_SECRETS], 'the log');
    });

    it('in any record, console or ICICLE of the store; and what else is there, only its owner may read', async () => {
      const entries = await readdir(env.storage, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      assert.ok(files.filter((file) => file.endsWith('.meta')).length >= 8);
      for (const file of files.filter((name) => !name.startsWith(join(env.storage, 'cache')))) {
        assert.equal((await stat(file)).mode & 0o077, 0, file);
        const text = await readFile(file, 'latin1');
        // The build needs the secrets in its working documents. The `.tdl` and `.preseed` files are the test's own
        // input.
        const isWorking = /\.d\/(template\.tdl|install_script)$|(talk|held|again)\.(tdl|preseed)$/.test(file);
        assertNothing(text, [...cloudSecrets(), ...(isWorking ? [] : INPUT_SECRETS)], file);
      }
    });

    it('in anything that was printed or answered', () => {
      assertNothing(said.join('\n'), [...cloudSecrets(), ...INPUT_SECRETS], 'what was said');
    });
  });
}
