import { parseArgs } from 'node:util';
import { checkTemplate, planWithScript } from '../../src/client/check-files.js';
import { parseParameters } from '../../src/domain/parameters.js';
import { toPlainLine } from '../../src/domain/plain-text.js';
import { createBuildMasker, findDocumentSecrets, findSecrets } from '../../src/planning/secrets.js';
import { mutate } from './mutate.js';
import { Random } from './random.js';
import { listSeeds, type Seed } from './seeds.js';

/** Milliseconds of CPU time that one case may take. The largest case has 60,000 characters. */
const CPU_LIMIT = 3000;
/** Maximum length of a message about a mistake, in characters. */
const MESSAGE_LIMIT = 4000;

/**
 * Changes templates and install scripts at random, and checks what must hold for every input: `validate` answers with
 * a verdict and never with an exception, its messages are bounded and have no control characters behind the one place
 * that prints them, no input takes long, and a password that a script has in a known place is nowhere in a masked text.
 *
 * Usage: npm run fuzz -- [--minutes N] [--seed N]. The seed of a finding repeats it: `--seed N --minutes 0`.
 */
function main(): number {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
  });
  const seeds = listSeeds();
  const until = Date.now() + Number(values.minutes) * 60_000;
  let seed = Number(values.seed);
  let findings = 0;
  do {
    const random = new Random(seed);
    const found = [...checkVerdict(random.pick(seeds), random), ...checkMasks(random)];
    for (const finding of found) console.log(`seed ${seed}: ${toPlainLine(finding).slice(0, 2000)}`);
    findings += found.length;
    seed++;
    if (seed % 2000 === 0) console.error(`${seed} cases, ${findings} findings`);
  } while (Date.now() < until);
  console.log(`${seed - Number(values.seed)} cases, ${findings} findings`);
  return findings === 0 ? 0 : 1;
}

/** Checks a changed template and a changed script as `validate` does. Returns what is wrong with the answer. */
function checkVerdict(seed: Seed, random: Random): string[] {
  const source = random.below(3) === 0 ? seed.template : mutate(seed.template, random);
  const script = random.below(3) === 0 ? seed.script : mutate(seed.script, random);
  const began = process.cpuUsage();
  const wrong: string[] = [];
  try {
    const { template, problems } = checkTemplate(source);
    const messages = problems.map(({ message }) => message);
    if (template !== undefined) {
      const report = planWithScript({ template, installScript: script, parameters: parseParameters({}) });
      messages.push(...report.problems.map(({ message }) => message), ...report.warnings);
    } else if (problems.length === 0) {
      wrong.push('no template and no problem');
    }
    wrong.push(...messages.filter(({ length }) => length > MESSAGE_LIMIT).map((text) => `a long message: ${text}`));
    createBuildMasker(findDocumentSecrets({ template: source, parameters: { install_script: script } })).mask(script);
  } catch (error) {
    wrong.push(`an exception: ${(error as Error).stack}`);
  }
  const { user, system } = process.cpuUsage(began);
  if ((user + system) / 1000 > CPU_LIMIT) wrong.push(`it took ${Math.round((user + system) / 1000)} ms of CPU time`);
  return wrong;
}

/** The characters of random passwords: what installers accept, with all that languages escape. */
const LETTERS = 'abcXYZ019-_.:,+/=!?*@#%^~$&<>"\'\\()[]{}|; ';
const shell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const doubled = (text: string): string => `"${text.replace(/["\\$`]/g, '\\$&')}"`;
const xml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const yaml = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Places of a password in the languages of install scripts, each with its own way to escape it. */
const PLACES: ((password: string) => string)[] = [
  (password) => `d-i passwd/root-password password ${password}`,
  (password) =>
    `d-i preseed/late_command string in-target sh -c ${shell(`echo ${shell(`root:${password}`)} | chpasswd`)}`,
  (password) => `%post\necho ${shell(`root:${password}`)} | chpasswd\n%end`,
  (password) => `%post\nchpasswd <<'EOF'\nroot:${password}\nEOF\n%end`,
  (password) => `%post\necho ${doubled(password)} | passwd --stdin root\n%end`,
  (password) => `%post\nexport DB_PASSWORD=${shell(password)}\n%end`,
  (password) => `%post\ncurl -u ${shell(`me:${password}`)} https://x\n%end`,
  (password) => `rootpw ${doubled(password)}`,
  (password) => `user --name=me --password=${doubled(password)} --plaintext`,
  (password) => `<profile><user><user_password>${xml(password)}</user_password></user></profile>`,
  (password) => `<profile><user><user_password><![CDATA[${password}]]></user_password></user></profile>`,
  (password) => `<unattend><Password><Value>${xml(password)}</Value></Password></unattend>`,
  (password) => JSON.stringify({ root: { password } }),
  (password) => JSON.stringify({ root: { password } }, undefined, 2),
  (password) => `identity:\n  password: ${yaml(password)}\n`,
  (password) => `identity:\n  password: ${JSON.stringify(password)}\n`,
  (password) => `identity: {username: a, password: ${JSON.stringify(password)}}\n`,
  (password) => `late-commands:\n  - ${JSON.stringify(`echo ${shell(`root:${password}`)} | chpasswd`)}\n`,
];
/** Ways in which a program may print a password. */
const WRITINGS: ((password: string) => string)[] = [
  (password) => password,
  shell,
  doubled,
  xml,
  (password) => JSON.stringify(password),
  (password) => JSON.stringify(JSON.stringify(password)),
  (password) => JSON.stringify(shell(password)),
  (password) => xml(shell(password)),
];

/** Checks that a random password of a script is masked in what a program may print. */
function checkMasks(random: Random): string[] {
  const letters = Array.from({ length: 6 + random.below(20) }, () => LETTERS[random.below(LETTERS.length)]).join('');
  // The first and the last letter are plain, as a word must be that a reader cannot confuse with its surroundings.
  const password = `Q${letters}7z`;
  const place = random.pick(PLACES);
  if (place.toString().includes('CDATA') && password.includes(']]>')) return [];
  const script = place(password);
  const masker = createBuildMasker(findSecrets({ os: {} }, script));
  const shown = WRITINGS.map((write) => masker.mask(write(password))).find((masked) =>
    /[A-Za-z0-9]/.test(withoutReferences(masked)),
  );
  return shown === undefined ? [] : [`the password ${password} of ${JSON.stringify(script)} is shown as ${shown}`];
}

/** Removes the references of XML, because their letters are not the password's. */
function withoutReferences(text: string): string {
  return text.replace(/&(?:amp;)*(?:amp|lt|gt|quot|apos);/g, '');
}

process.exitCode = main();
