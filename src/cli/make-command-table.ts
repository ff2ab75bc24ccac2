import { writeFileSync } from 'node:fs';
import { buildTable } from './command-table.js';
import { TABLE_FILE } from './completion/complete.js';

/* Writes the table of the command line, for completion. `npm run build` runs this. */

writeFileSync(TABLE_FILE, JSON.stringify(buildTable()));
