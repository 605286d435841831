/** Every node of the lab is there, Ready, and runs the lab's version. */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import type { LabSpec } from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { askKubectl, parseNodes } from '../kubectl.js';
import { brief, minutes, poll, seconds } from '../timing.js';

export function nodesReady({ lab }: Bootstrap): Step {
  return {
    key: 'ready',
    title: 'Wait until every node is Ready',
    kind: 'compensable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 15),
    commands: ['kubectl get nodes'],
    probe: async (context) => ((await missing(context, lab)) === null ? 'done' : 'not-done'),
    run: async (context) => {
      let last = 'nothing was asked';
      const ready = await poll(
        context,
        { timeoutMs: minutes(lab, 12), everyMs: seconds(lab, 5) },
        async () => {
          const problem = await missing(context, lab);
          last = problem ?? last;
          return problem === null ? true : null;
        },
      );
      if (ready !== null) return;
      throw new StepError({
        code: 'nodes-not-ready',
        message: last,
        remedy: 'Look at the node with: homelab kubectl describe node NAME',
        retryable: true,
      });
    },
  };
}

/** What is still missing, as one line a node; null when nothing is. */
async function missing(context: StepContext, lab: LabSpec): Promise<string | null> {
  const json = await askKubectl(context, lab, ['get', 'nodes', '-o', 'json']);
  if (json === null) return 'the API does not answer';
  const nodes = new Map(parseNodes(json).map((node) => [node.name, node]));
  const problems = lab.machines.flatMap(({ name, role }) => {
    if (role === 'load-balancer') return [];
    const node = nodes.get(name);
    if (node === undefined) return [`${name} has not registered`];
    return node.ready ? [] : [`${name} is not Ready: ${node.message}`];
  });
  return problems.length === 0 ? null : problems.join('\n');
}
