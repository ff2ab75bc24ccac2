import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { ANSWERS_FILE, askOpenstackSdk } from '../test/support/clouds/answers.js';

/**
 * Records how openstacksdk reads the cloud configurations in test/support/clouds/shapes.ts. Usage:
 * `node --import tsx scripts/record-clouds.ts PYTHON`. PYTHON is a Python program that has openstacksdk and
 * python-openstackclient. Default: python3.
 */
const [python = 'python3'] = process.argv.slice(2);
const answers = askOpenstackSdk(python);
if (answers === undefined) throw new Error(`${python} has no openstacksdk or no python-openstackclient`);
writeFileSync(ANSWERS_FILE, await format(JSON.stringify(answers), { parser: 'json', printWidth: 120 }));
