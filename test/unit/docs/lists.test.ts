import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { ACTIVITY_DECLARATIONS } from '../../../src/activities/declarations.js';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { WORKFLOWS } from '../../../src/domain/messages.js';
import { METRICS } from '../../../src/domain/metrics.js';
import { KEYS } from '../../../src/domain/names.js';
import { PROVIDER_KEYS } from '../../../src/domain/provider-marks.js';
import { LIMITS } from '../../../src/tdl/limits.js';
import {
  codeSpans,
  headingAnchors,
  listDocuments,
  listFiles,
  listFolders,
  readSection,
  readText,
  tableRows,
  withoutBlocks,
} from './markdown.js';

/* Compares each list in a document with the same list in the code, in the build files or in another document. */

const DOCUMENTS = listDocuments();
const architecture = readText('docs/architecture.md');
const packageJson = JSON.parse(readText('package.json')) as {
  version: string;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

/** Returns the texts in backticks in the first cell of each row of a section's tables. */
function namesInRows(markdown: string, heading: string): string[] {
  return tableRows(readSection(markdown, heading)).flatMap(([cell = '']) => codeSpans(cell));
}

function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)].sort();
}

describe('README.md', () => {
  const readme = readText('README.md');

  it('has every command of the command line in its table, and no other', () => {
    const documented = namesInRows(readme, '## The commands').map((usage) => usage.split(' ')[0] ?? '');
    const commands = COMMANDS.map(({ usage }) => usage.split(' ')[0] ?? '');
    assert.deepEqual(sorted(documented), sorted([...commands, 'completion']));
  });

  it('links every document in docs/', () => {
    const listed = readSection(readme, '## Documents');
    for (const name of listFiles('docs').filter((path) => /^docs\/[^/]+\.md$/.test(path))) {
      assert.ok(listed.includes(`](${name})`), name);
    }
  });
});

describe('README.md: supported versions', () => {
  const supported = readSection(readText('README.md'), '## Supported versions');

  it('names the version of the SDK that package.json asks for', () => {
    const row = tableRows(supported).find(([name]) => name === 'Temporal SDK');
    assert.match(row?.join(' ') ?? '', new RegExp(`\\b${packageJson.dependencies['@temporalio/client']}\\b`));
  });

  it('names the versions of Temporal’s program and server that the tests build', () => {
    const modules = readText('tools/temporal/go.mod');
    const row = tableRows(supported).find(([name]) => name === 'Temporal server');
    for (const module of ['github.com/temporalio/cli', 'go.temporal.io/server']) {
      const version = new RegExp(`${module} v([\\d.]+)`).exec(modules)?.[1] ?? 'no version';
      assert.ok(row?.[2]?.includes(version), `${module} ${version}`);
    }
  });
});

describe('docs/tdl.md', () => {
  it('has every limit of the template reader', () => {
    const rows = tableRows(readSection(readText('docs/tdl.md'), '## Limits'));
    const numbers = rows.map(([, number = '']) => Number.parseInt(number));
    // The reader of disk sizes has its own limit, 30 digits, which is not in LIMITS.
    const expected = [...Object.values(LIMITS), 30];
    assert.deepEqual(
      numbers.sort((a, b) => a - b),
      expected.sort((a, b) => a - b),
    );
  });
});

describe('CONTRIBUTING.md', () => {
  it('has every level of tests in its table, and no other', () => {
    const documented = namesInRows(readText('CONTRIBUTING.md'), '## The levels of tests');
    const levels = listFolders('test').filter((name) =>
      listFiles(`test/${name}`).some((path) => path.endsWith('.test.ts')),
    );
    assert.deepEqual(sorted(documented), sorted(levels.map((name) => `test/${name}/`)));
  });
});

describe('docs/architecture.md', () => {
  const rooms = new Map(
    tableRows(readSection(architecture, '## The rooms')).map(([room = '', , allowed = '']) => [
      codeSpans(room)[0] ?? '',
      sorted(codeSpans(allowed)),
    ]),
  );

  it('has the folders of src/ as rooms', () => {
    assert.deepEqual(sorted(rooms.keys()), sorted(listFolders('src').map((name) => `src/${name}/`)));
  });

  it('allows each room the same imports as dependency-cruiser.config.js', () => {
    const table = /const ROOMS = \{(.*?)^\};/ms.exec(readText('dependency-cruiser.config.js'))?.[1] ?? '';
    const rows = [...table.matchAll(/^ {2}'?([\w-]+)'?: \[(.*?)\],/gms)];
    assert.ok(rows.length > 0);
    const allowed = rows.map(([, room = '', names = '']): [string, string[]] => [
      `src/${room}/`,
      sorted([...names.matchAll(/'([^']+)'/g)].map(([, name = '']) => name)),
    ]);
    assert.deepEqual(Object.fromEntries(rooms), Object.fromEntries(allowed));
  });

  it('has nine numbered laws, and the code cites no other', () => {
    const laws = [...readSection(architecture, '## The nine laws').matchAll(/^(\d+)\. \*\*/gm)].map(([, n]) =>
      Number(n),
    );
    assert.deepEqual(laws, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const sources = ['src', 'test', 'scripts', 'bench', 'dev']
      .flatMap(listFiles)
      .filter((path) => /\.c?ts$/.test(path));
    for (const path of sources) {
      for (const [citation] of readText(path).matchAll(/\blaws? \d+(?:(?:,| and) \d+)*/g)) {
        const cited = [...citation.matchAll(/\d+/g)].map(([number]) => Number(number));
        assert.ok(
          cited.every((law) => laws.includes(law)),
          `${path}: ${citation}`,
        );
      }
    }
  });

  it('has a reason for every dependency, and for no other package', () => {
    const documented = namesInRows(readText('docs/dependencies.md'), '## npm packages');
    const used = Object.keys({ ...packageJson.dependencies, ...packageJson.devDependencies });
    const matches = (pattern: string, name: string): boolean =>
      pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
    const unexplained = used.filter((name) => !documented.some((pattern) => matches(pattern, name)));
    const unused = documented.filter((pattern) => !used.some((name) => matches(pattern, name)));
    assert.deepEqual({ unexplained, unused }, { unexplained: [], unused: [] });
  });

  it('names only activities and workflows that exist in its diagrams', () => {
    const diagrams = [...architecture.matchAll(/^```mermaid$(.*?)^```$/gms)].map(([, text = '']) => text);
    assert.equal(diagrams.length, 2);
    const known: string[] = [...Object.keys(ACTIVITY_DECLARATIONS), ...Object.values(WORKFLOWS)];
    const named = diagrams.flatMap((text) => [...text.matchAll(/\b[a-z]+[A-Z]\w*/g)].map(([name]) => name));
    assert.deepEqual(
      sorted(named).filter((name) => !known.includes(name) && !['sequenceDiagram'].includes(name)),
      [],
    );
  });

  it('has at most 150 lines', () => {
    assert.ok(architecture.split('\n').length <= 151);
  });
});

describe('docs/operating.md: the metrics of builds', () => {
  it('has every metric with its type, and no other', () => {
    const rows = tableRows(readSection(readText('docs/operating.md'), '### Health and metrics'));
    const documented = rows.map(([name = '', type = '']) => `${codeSpans(name).join()} ${type}`);
    assert.deepEqual(sorted(documented), sorted(Object.values(METRICS).map(({ name, type }) => `${name} ${type}`)));
  });
});

describe('docs/adr/', () => {
  const files = listFiles('docs/adr')
    .map((path) => path.replace('docs/adr/', ''))
    .filter((name) => name !== 'README.md')
    .sort();

  it('has every decision in its index, by its title', () => {
    const indexed = tableRows(readText('docs/adr/README.md')).map(([link, title]) => `${link} ${title}`);
    const titles = files.map((name) => {
      const [, number, title] = /^# (\d{4}): (.+)$/m.exec(readText(`docs/adr/${name}`)) ?? [];
      return `[${number}](${name}) ${title}`;
    });
    assert.deepEqual(indexed, titles);
  });

  it('numbers its decisions without a gap', () => {
    const numbers = files.map((name) => Number(name.slice(0, 4)));
    assert.deepEqual(
      numbers,
      files.map((_name, at) => at + 1),
    );
  });

  for (const name of files) {
    it(`has context, decision and consequences: ${name}`, () => {
      const headings = [...readText(`docs/adr/${name}`).matchAll(/^## (.+)$/gm)].map(([, title]) => title);
      assert.deepEqual(headings, ['Context', 'Decision', 'Consequences']);
    });
  }
});

describe('docs/glossary.md', () => {
  it('has its words in order, each once', () => {
    const words = tableRows(readText('docs/glossary.md')).map(([word = '']) => word.toLowerCase());
    assert.deepEqual(words, sorted(words));
  });
});

describe('CHANGELOG.md', () => {
  const changelog = readText('CHANGELOG.md');

  it('has the version of package.json as its newest', () => {
    const versions = [...changelog.matchAll(/^## \[(.+?)\](?: - \d{4}-\d{2}-\d{2})?$/gm)].map(([, name]) => name);
    assert.deepEqual(versions.slice(0, 2), ['Unreleased', packageJson.version]);
  });

  it('has one line for each entry', () => {
    const wrapped = changelog.split('\n').filter((line) => /^ +\S/.test(line));
    assert.ok(wrapped.length === 0, wrapped.join('\n'));
  });
});

for (const path of DOCUMENTS) {
  describe(path, () => {
    const markdown = readText(path);
    const prose = withoutBlocks(markdown);

    it('has no dead link', () => {
      for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file = '', anchor] = target.split('#');
        const linked = file === '' ? path : normalize(join(dirname(path), file));
        assert.ok(existsSync(linked), `${target} does not exist`);
        if (anchor !== undefined) assert.ok(headingAnchors(readText(linked)).includes(anchor), `no heading ${target}`);
      }
    });

    it('names only targets of the Makefile and scripts of package.json that exist', () => {
      const makefile = readText('Makefile');
      const targets = [...makefile.matchAll(/^([a-z0-9 -]+):/gm)].flatMap(([, names = '']) => names.split(' '));
      const blocks = [...markdown.matchAll(/^ *```sh$(.*?)^ *```$/gms)].map(([, text = '']) => text);
      for (const text of [...codeSpans(prose), ...blocks]) {
        for (const [, target = ''] of text.matchAll(/(?:^|\s)make ([a-z][a-z0-9-]*)/g)) {
          assert.ok(targets.includes(target), `make ${target}`);
        }
        for (const [, script = ''] of text.matchAll(/\bnpm run ([a-z][a-z0-9:-]*)/g)) {
          assert.ok(Object.hasOwn(packageJson.scripts, script), `npm run ${script}`);
        }
      }
    });

    it('names only files and folders of the project that exist', () => {
      const named = codeSpans(prose).filter((text) =>
        /^(src|test|scripts|bench|dev|docs|examples)\/[\w./-]*$/.test(text),
      );
      for (const name of named.filter((text) => !/[A-Z]{4,}/.test(text) || text.endsWith('README.md'))) {
        assert.ok(existsSync(name), name);
      }
    });

    it('names only marks that builds set', () => {
      const marks: string[] = Object.values({ ...KEYS, ...PROVIDER_KEYS });
      const named = codeSpans(prose).flatMap((text) => /^imagefactory_[a-z]+(?==|$)/.exec(text)?.[0] ?? []);
      for (const mark of named) assert.ok(marks.includes(mark), mark);
    });

    it('has no line over 120 columns outside of tables', () => {
      const long = markdown.split('\n').filter((line) => [...line].length > 120 && !line.startsWith('|'));
      assert.ok(long.length === 0, long.join('\n'));
    });
  });
}
