import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { BuildMaskers, type BuildInput } from '../../../src/activities/shared/build-maskers.js';
import { reportProgress } from '../../../src/activities/shared/context.js';
import { followLastLine } from '../../../src/activities/guest/run-script-once.js';
import { FactoryError } from '../../../src/domain/errors.js';
import type { Progress } from '../../../src/domain/status.js';
import { SECRET_LIMITS } from '../../../src/planning/secrets.js';
import { StepInterceptor } from '../../../src/worker/interceptor.js';
import { maskFields } from '../../../src/worker/logger.js';
import { templateText } from '../tdl/support.js';

const ROOT = 'Hunter-two2';
const SCRIPT = 'Scr1pt-word';
const REF = { uuid: 'u', cloud: 'c', workflowId: 'w' };
const DOCUMENTS: Record<string, string> = {
  'template.tdl': templateText({ inOs: `<rootpw>${ROOT}</rootpw>` }),
  install_script: `rootpw ${SCRIPT}\n`,
  'parameters.json': JSON.stringify({ drivers_iso: 'http://bob:Dr1vers@h/a.iso' }),
};

/** Runs an activity with the worker's interceptor. Returns its result and its heartbeats. */
async function run(
  activity: () => Promise<unknown>,
  { input = { ref: REF }, documents = DOCUMENTS }: { input?: BuildInput; documents?: Record<string, string> } = {},
): Promise<{ result: unknown; heartbeats: Progress[] }> {
  const readDocument = async (_uuid: string, name: string): Promise<Buffer | undefined> => {
    if (documents['broken'] !== undefined) throw new FactoryError('StoreFailed', 'the disk is gone');
    return documents[name] === undefined ? undefined : Buffer.from(documents[name]);
  };
  const interceptor = new StepInterceptor(new BuildMaskers({ readDocument }));
  const environment = new MockActivityEnvironment({}, { interceptors: [() => ({ inbound: interceptor })] });
  const heartbeats: Progress[] = [];
  environment.on('heartbeat', (report: Progress) => heartbeats.push(report));
  const result = await environment.run(activity, input);
  return { result, heartbeats };
}

function throws(error: unknown, options: Parameters<typeof run>[1] = {}): Promise<unknown> {
  return run(() => Promise.reject(error as Error), options).then(
    () => assert.fail('the activity did not fail'),
    (failure: unknown) => failure,
  );
}

describe('the secrets of a build leave the worker', () => {
  const said = `it printed ${ROOT}, ${SCRIPT} and Dr1vers`;
  const masked = 'it printed ********, ******** and ********';

  it('in no failure, whatever its source: message, hint, console', async () => {
    const failure = await throws(new FactoryError('CommandFailed', said, { hint: said, consoleTail: said }));
    assert.ok(failure instanceof ApplicationFailure);
    assert.equal(failure.message, masked);
    assert.deepEqual(failure.details, [{ hint: masked, consoleTail: masked }]);
    assert.doesNotMatch(failure.stack ?? '', /Hunter/);
  });

  it('in no error of another class: message, stack, details and causes', async () => {
    const error = new TypeError(said, { cause: new RangeError(said, { cause: { text: said } }) });
    const failure = (await throws(error)) as Error;
    assert.equal(failure, error);
    assert.equal(failure.message, masked);
    assert.doesNotMatch(failure.stack ?? '', /Hunter|Scr1pt/);
    assert.equal((failure.cause as Error).message, masked);
    assert.deepEqual((failure.cause as Error).cause, { text: masked });
    const own = (await throws(ApplicationFailure.nonRetryable(said, 'Internal', { said }))) as ApplicationFailure;
    assert.deepEqual([own.message, own.details], [masked, [{ said: masked }]]);
    const aborted = (await throws(new DOMException(said, 'AbortError'))) as Error;
    assert.equal(aborted.message, masked);
  });

  it('in no heartbeat', async () => {
    const { heartbeats } = await run(async () =>
      reportProgress({ message: said, consoleLine: said, resume: { tail: said, id: ROOT } }),
    );
    assert.deepEqual(heartbeats[0], { message: masked, consoleLine: masked, resume: { tail: masked, id: ROOT } });
  });

  it('in no text of a result; ids and names stay as they are, because the build needs them', async () => {
    const { result } = await run(async () => ({ imageId: ROOT, note: said, leftovers: [said], size: 1, none: null }));
    assert.deepEqual(result, { imageId: ROOT, note: masked, leftovers: [masked], size: 1, none: null });
  });

  it('in no line of the log while an activity of the build runs', async () => {
    const { result } = await run(async () => maskFields({ said, error: new Error(said) }));
    assert.deepEqual(result, { said: masked, error: { name: 'Error', message: masked } });
    assert.deepEqual(maskFields({ said }), { said });
  });

  it('in no failure of the plan, before the build has documents', async () => {
    const { 'template.tdl': template = '', install_script: script = '' } = DOCUMENTS;
    const input = {
      ref: REF,
      input: { template, templateName: 't', parameters: { install_script: script }, cloud: 'c' },
    };
    const options = { input: input as unknown as BuildInput, documents: {} };
    assert.equal(
      ((await throws(new FactoryError('InvalidTemplate', said), options)) as Error).message,
      masked.replace(/\*{8}$/, 'Dr1vers'),
    );
  });

  it('not at all when their number exceeds the limits, or when the store cannot be read: then no text is shown', async () => {
    const many = Array.from({ length: SECRET_LIMITS.number + 1 }, (_none, index) => `rootpw pass-${index}\n`).join('');
    const hidden = (await throws(new FactoryError('CommandFailed', said), {
      documents: { ...DOCUMENTS, install_script: many },
    })) as Error;
    assert.match(hidden.message, /^\*{8} \(hidden: the build has more than 500 different passwords\)$/);
    const blind = (await throws(new FactoryError('StoreFailed', said), { documents: { broken: '' } })) as Error;
    assert.match(blind.message, /^\*{8} \(hidden: .*the disk is gone\)$/);
  });
});

describe('an activity with a documentsId', () => {
  const said = `it printed ${ROOT}`;
  const message = async (input: BuildInput, documents: Record<string, string>): Promise<string> =>
    ((await throws(new FactoryError('CommandFailed', said), { input, documents })) as Error).message;

  it('shows no text when the documents were deleted, because their secrets are not known any more', async () => {
    assert.match(
      await message({ ref: REF, documentsId: 'd' }, {}),
      /^\*{8} \(hidden: the documents .*not in the store/,
    );
    assert.equal(await message({ ref: REF, documentsId: 'd' }, DOCUMENTS), 'it printed ********');
  });

  it('differs from one of a build that has no documents yet: there is no secret yet', async () => {
    assert.equal(await message({ ref: REF }, {}), said);
    assert.equal(await message({ ref: REF, documentsId: REF.uuid }, {}), said);
    assert.equal(await message({}, {}), said);
  });
});

describe('the part of a secret that a limit of length leaves', () => {
  it('is masked at both ends of an error’s texts', async () => {
    for (let before = 3980; before < 4010; before++) {
      const text = `${'x'.repeat(before)} ${ROOT} ${'y'.repeat(before)}`;
      const failure = (await throws(
        new FactoryError('CommandFailed', text, { consoleTail: text }),
      )) as ApplicationFailure;
      assert.doesNotMatch(JSON.stringify([failure.message, failure.details]), /Hunt|two2/, String(before));
    }
  });

  it('is masked in the last line of an output, wherever the pieces of the output end', async () => {
    const output = `first ${ROOT} second\nthen ${ROOT}\n`;
    for (let size = 1; size < output.length; size++) {
      const { heartbeats } = await run(async () => {
        const lastLine = followLastLine();
        for (let at = 0; at < output.length; at += size)
          reportProgress({ message: '', consoleLine: lastLine(output.slice(at, at + size)) });
      });
      for (const { consoleLine = '' } of heartbeats) assert.doesNotMatch(consoleLine, /Hunt|two2/, consoleLine);
      assert.equal(heartbeats.at(-1)?.consoleLine, 'then ********');
    }
  });
});

describe('the last line of an output', () => {
  it('is the last line with text, marked when it has not ended or is too long', () => {
    const lastLine = followLastLine();
    assert.equal(lastLine('one\ntwo\n'), 'two');
    assert.equal(lastLine('\n'), '');
    assert.equal(lastLine('thr'), 'thr…');
    assert.equal(lastLine('ee\n\n'), 'three');
    assert.equal(lastLine('x'.repeat(500)).length, 200);
    assert.equal(lastLine('x'.repeat(20_000)).at(-1), '…');
  });
});
