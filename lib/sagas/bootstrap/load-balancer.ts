/** HAProxy on the load balancer machine, which carries the API's address as a second one. */
import type { Step } from '../../engine/saga.js';
import { haproxyConfig } from '../../generate/haproxy.js';
import { networkCommands } from '../../generate/network.js';
import { HAPROXY_CONFIG } from '../../generate/paths.js';
import type { MachineSpec, VipSpec } from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { must, run, succeeds } from '../remote.js';
import { minutes, patient, seconds } from '../timing.js';

export function startLoadBalancer({ lab, input }: Bootstrap, machine: MachineSpec): Step {
  const short = { timeoutMs: seconds(lab, 30) };
  const config = haproxyConfig(lab);
  const { name } = machine;
  return {
    key: `load-balancer:${name}`,
    title: `Start HAProxy on ${name}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 5),
    commands: [`haproxy -c -f ${HAPROXY_CONFIG}`, 'systemctl enable haproxy', 'systemctl restart haproxy'],
    probe: async (context) => {
      const found = await context.shell(name).readFile(HAPROXY_CONFIG, short);
      if (found === null || new TextDecoder().decode(found) !== config) return 'not-done';
      if (!(await succeeds(context, name, ['systemctl', 'is-active', 'haproxy'], short))) return 'not-done';
      const shown = await run(
        context,
        name,
        ['ip', '-4', '-o', 'addr', 'show', 'dev', lab.network.interface],
        short,
      );
      return shown.stdout.includes(` ${addressOf(lab.vip)}/`) ? 'done' : 'not-done';
    },
    run: async (context) => {
      await context.shell(name).writeFile(HAPROXY_CONFIG, config, { mode: 0o644, ...short });
      await must(context, name, ['haproxy', '-c', '-f', HAPROXY_CONFIG], short);
      for (const argv of networkCommands(lab, machine)) await must(context, name, argv, short);
      await must(context, name, ['systemctl', 'enable', 'haproxy'], short);
      await must(context, name, ['systemctl', 'restart', 'haproxy'], { timeoutMs: seconds(lab, 120) });
    },
    ...(input.existing.includes(name)
      ? {
          compensate: async (context) => {
            await must(context, name, ['systemctl', 'stop', 'haproxy'], { timeoutMs: seconds(lab, 120) });
            await must(context, name, ['systemctl', 'disable', 'haproxy'], short);
            await must(context, name, ['rm', '-f', HAPROXY_CONFIG], short);
            // Deleting an address that is not there fails, which is as good as having deleted it.
            const device = ['dev', lab.network.interface];
            await run(context, name, ['ip', 'addr', 'del', `${addressOf(lab.vip)}/32`, ...device], short);
          },
        }
      : {}),
  };
}

function addressOf(vip: VipSpec | null): string {
  return vip?.address ?? '';
}
