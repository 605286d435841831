// Plans as data: what makes them the same, which rules they keep, and how they are drawn.
import t from 'tap';
import { mermaid } from '../../lib/engine/mermaid.js';
import { digestOf, firstDifference, outlineOf } from '../../lib/engine/plan.js';
import type { Saga, Step } from '../../lib/engine/saga.js';
import { problemsOf, validateSaga } from '../../lib/engine/validate.js';
import { fullSaga, RETRY, smallSaga, toySaga, toyStage, toyStep } from '../helpers/toy-saga.js';

function withStep(saga: Saga, key: string, changes: Partial<Step>): Saga {
  const stages = saga.stages.map((stage) => ({
    ...stage,
    steps: stage.steps.map((step) => (step.key === key ? { ...step, ...changes } : step)),
  }));
  return { ...saga, stages };
}

void t.test('the digest follows keys, titles, kinds and stages, and nothing else', (t) => {
  const digest = digestOf(outlineOf(smallSaga()));
  t.match(digest, /^[0-9a-f]{64}$/);
  const same = withStep(smallSaga(), 'init', {
    run: () => Promise.resolve(),
    timeoutMs: 1,
    retry: { ...RETRY, attempts: 9 },
    commands: ['x'],
  });
  t.equal(digestOf(outlineOf(same)), digest);
  t.equal(firstDifference(outlineOf(same), outlineOf(smallSaga())), null);
  const { compensate: _compensate, ...bare } = toyStep('m-1');
  const [first, ...rest] = smallSaga().stages;
  const others: Record<string, Saga> = {
    'step m-2 was recorded as': withStep(smallSaga(), 'm-2', { title: 'Other' }),
    'step init was recorded as': withStep(smallSaga(), 'init', { kind: 'retriable' }),
    'step m-1 was recorded where the plan now has other': withStep(smallSaga(), 'm-1', { key: 'other' }),
    'step m-1 was recorded as': toySaga([toyStage('machines', [bare, toyStep('m-2')], 2), ...rest]),
    'step label is gone': { ...smallSaga(), stages: smallSaga().stages.slice(0, 3) },
    'step extra is new': {
      ...smallSaga(),
      stages: [...smallSaga().stages, toyStage('more', [toyStep('extra', 'retriable')])],
    },
    'a stage without steps': { ...smallSaga(), stages: [...smallSaga().stages, toyStage('empty', [])] },
  };
  for (const [words, saga] of Object.entries(others)) {
    t.not(digestOf(outlineOf(saga)), digest, words);
    t.ok(firstDifference(outlineOf(smallSaga()), outlineOf(saga))?.startsWith(words), words);
  }
  const slower = first === undefined ? [] : [{ ...first, concurrency: 1 }, ...rest];
  t.match(firstDifference(outlineOf(smallSaga()), outlineOf(toySaga(slower))), /step m-1 .*concurrency/);
  t.end();
});

void t.test('the rules of plans', (t) => {
  validateSaga(fullSaga());
  validateSaga(toySaga([toyStage('only', [toyStep('a', 'retriable')])]));
  const one = (step: Step): Saga => toySaga([toyStage('one', [step])]);
  const broken: readonly (readonly [Saga, RegExp])[] = [
    [toySaga([toyStage('one', [toyStep('a'), toyStep('a')])]), /step key a is there more than once/],
    [toySaga([toyStage('one', []), toyStage('one', [])]), /stage key one is there more than once/],
    [one(toyStep('A b')), /step key "A b" does not match/],
    [one(toyStep('1')), /step key "1" does not match/],
    [toySaga([toyStage('one', [toyStep('a')], 0)]), /concurrency must be 1/],
    [one(toyStep('a', 'compensable', { timeoutMs: 0 })), /timeoutMs must be/],
    [one(toyStep('a', 'compensable', { retry: { ...RETRY, attempts: 0 } })), /attempts must be/],
    [one(toyStep('a', 'compensable', { retry: { ...RETRY, factor: 0.5 } })), /factor must be/],
    [one(toyStep('a', 'compensable', { retry: { ...RETRY, backoffMs: -1 } })), /backoffMs must be/],
    [one(toyStep('a', 'compensable', { retry: { ...RETRY, maxBackoffMs: 1 } })), /maxBackoffMs must not/],
    [{ ...one(toyStep('a')), undoRetry: { ...RETRY, attempts: 0 } }, /undoRetry: attempts/],
    [
      one(toyStep('a', 'pivot', { compensate: () => Promise.resolve() })),
      /a pivot step is never compensated/,
    ],
    [toySaga([toyStage('one', [toyStep('a'), toyStep('b', 'pivot')])]), /must be alone in its stage/],
    [toySaga(['a', 'b'].map((key) => toyStage(key, [toyStep(key, 'pivot')]))), /more than one pivot: a, b/],
    [
      toySaga([toyStage('one', [toyStep('a')]), toyStage('two', [toyStep('b', 'retriable')])]),
      /has no pivot before/,
    ],
    [
      toySaga([toyStage('one', [toyStep('a', 'pivot')]), toyStage('two', [toyStep('b')])]),
      /b comes after pivot step a/,
    ],
  ];
  for (const [saga, message] of broken) t.match(problemsOf(saga).join('; '), message);
  const { compensate: _compensate, ...bare } = toyStep('a');
  t.strictSame(problemsOf(one(bare)), [], 'a step that leaves nothing behind needs no compensation');
  t.match(problemsOf(one({ ...bare, takesDown: ['m'] })), [/takes machines down and has no compensation/]);
  t.throws(() => {
    validateSaga(one(toyStep('A', 'compensable', { timeoutMs: 0 })));
  }, /"A".*timeoutMs/);
  t.end();
});

void t.test('a plan as Mermaid', (t) => {
  const odd = withStep(smallSaga(), 'label', { title: 'Say "hi" <b> #1' });
  t.equal(
    mermaid(odd),
    `flowchart TD
  subgraph stage1["Stage machines (2 at once)"]
    step1["Make m-1<br/>m-1<br/>can be undone"]
    step2["Make m-2<br/>m-2<br/>can be undone"]
  end
  subgraph stage2["Stage init"]
    step3["Make init<br/>init<br/>can be undone"]
  end
  subgraph stage3["Stage commit"]
    step4{{"Make commit<br/>commit"}}
  end
  subgraph stage4["Stage after"]
    step5(["Say #quot;hi#quot; #lt;b#gt; #35;1<br/>label"])
  end
  stage1 --> stage2
  stage2 --> stage3
  stage3 --> stage4
`,
  );
  t.end();
});
