import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { ANSWERS_FILE, askOpenstackSdk } from '../test/support/clouds/answers.js';

/**
 * Records how openstacksdk understands the shapes of test/support/clouds/shapes.ts.
 * The Python needs openstacksdk and python-openstackclient: node --import tsx scripts/record-clouds.ts PYTHON
 */
const [python = 'python3'] = process.argv.slice(2);
const answers = askOpenstackSdk(python);
if (answers === undefined) throw new Error(`${python} has no openstacksdk or no python-openstackclient`);
writeFileSync(ANSWERS_FILE, await format(JSON.stringify(answers), { parser: 'json', printWidth: 120 }));
