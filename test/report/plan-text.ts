/** The plan as a person reads it. */
import t from 'tap';
import { furtherLabs, planLabs, type PlanDocument } from '../../lib/config/plan.js';
import { resolve } from '../../lib/config/resolve.js';
import { planText } from '../../lib/report/plan-text.js';
import { SEED_CONFIG } from '../helpers/seed-config.js';

function plan(
  references: readonly string[],
  hostGiB: number,
  overrides: Record<string, string> = {},
): PlanDocument {
  const first = { text: SEED_CONFIG, file: 'config-homelab.yaml', overrides };
  const { spec } = resolve(first);
  if (spec === null) throw new Error('the first lab is wrong');
  const labs = [first, ...furtherLabs(spec, references)];
  return planLabs({ labs, hostMemoryMiB: hostGiB * 1024, hostMemoryExplicit: true }).document;
}

t.test("the plan as text has the seed's table and fits 80 columns", async (t) => {
  const text = planText(plan(['k8s-single'], 64));
  t.equal(
    text,
    `Lab stage: k8s-ha on sim

  VM          Role           vCPUs  RAM   IP
  stage-cp-1  control-plane  2      4 GB  192.168.62.11
  stage-cp-2  control-plane  2      4 GB  192.168.62.12
  stage-cp-3  control-plane  2      4 GB  192.168.62.13
  stage-w-1   worker         2      8 GB  192.168.62.21
  stage-w-2   worker         2      8 GB  192.168.62.22
  stage-w-3   worker         2      8 GB  192.168.62.23

  Machines  12 vCPUs, 36 GB
  Budget    18 vCPUs, 38 GB
  API       192.168.62.5, carried by kube-vip

Lab stage-single: k8s-single on sim

  VM                 Role           vCPUs  RAM    IP
  stage-single-cp-1  control-plane  4      12 GB  192.168.63.11

  Machines  4 vCPUs, 12 GB
  Budget    18 vCPUs, 38 GB

Host: 64 GB; needed 51 GB with 3 GB for the host itself: fits, 13 GB to spare.
`,
  );
  t.ok(text.split('\n').every((line) => line.length <= 80));
  t.match(planText(plan([], 16)), /does not fit, 23 GB short/);
  t.match(planText(plan([], 64, { 'worker-memory': '1536' })), /stage-w-1 +worker +2 +1\.5 GB/);
});
