/**
 * A certificate that is out of its time, made with kubeadm's own renewal while the machine's clock is more than a
 * year behind: a year from then is over. The program that shows it is killed, so that it reads it; what it had before
 * is kept aside.
 */
import { HOMELAB_DIR, PKI_DIR } from '../../generate/paths.js';
import { must, run, succeeds } from '../../sagas/remote.js';
import { minutes, seconds } from '../../sagas/timing.js';
import { aheadS, referenceS, setTo } from './clock.js';
import { powerOf, runs, type Fault, type FaultCall } from './fault.js';

/** kubeadm's leaves live for a year. */
const LIFE_S = 366 * 86_400;
/** More than two commands take, and far less than a year. */
const WRONG_S = 3_600;

/** Where kubeadm keeps it, without the ending, and the program that reads it when it starts. */
const PARTS: Readonly<Record<string, readonly [file: string, program: string]>> = {
  apiserver: ['apiserver', 'kube-apiserver'],
  'apiserver-etcd-client': ['apiserver-etcd-client', 'kube-apiserver'],
  'etcd-server': ['etcd/server', 'etcd'],
  'etcd-peer': ['etcd/peer', 'etcd'],
};

export const expireCertificate: Fault = {
  inject: async (call) => {
    const { certificate, pairs, program } = partsOf(call);
    for (const { there, aside } of pairs)
      if (!(await tells(call, ['test', '-e', aside]))) await tell(call, ['cp', '-a', there, aside]);
    if (!(await isExpired(call))) {
      await setTo(call, (await referenceS(call)) - LIFE_S);
      try {
        const argv = ['kubeadm', 'certs', 'renew', certificate];
        await must(call.context, call.machine, argv, { timeoutMs: minutes(call.lab, 5) });
      } finally {
        await putClockRight(call);
      }
    }
    await kill(call, program);
  },
  lift: async (call) => {
    // A machine that is off reads the time from its host when it boots, and its disk is as it was left.
    if (!(await runs(call))) return;
    const { pairs, program } = partsOf(call);
    await putClockRight(call);
    let isBack = false;
    for (const { there, aside } of pairs) {
      if (!(await tells(call, ['test', '-e', aside]))) continue;
      await tell(call, ['mv', '-T', aside, there]);
      isBack = true;
    }
    if (isBack) await kill(call, program);
  },
  inForce: async (call) => (await powerOf(call)) === 'running' && (await isExpired(call)),
};

function partsOf({ fault }: FaultCall) {
  const certificate = fault.certificate ?? '';
  const [file, program] = PARTS[certificate] ?? [certificate, certificate];
  const pairs = ['crt', 'key'].map((ending) => ({
    there: `${PKI_DIR}/${file}.${ending}`,
    aside: `${HOMELAB_DIR}/chaos-${certificate}.${ending}`,
  }));
  return { certificate, program, pairs, shown: `${PKI_DIR}/${file}.crt` };
}

async function isExpired(call: FaultCall): Promise<boolean> {
  const { shown } = partsOf(call);
  return !(await tells(call, ['openssl', 'x509', '-in', shown, '-noout', '-checkend', '0']));
}

async function putClockRight(call: FaultCall): Promise<void> {
  if ((await aheadS(call)) < -WRONG_S) await setTo(call, await referenceS(call));
}

/** Whoever looks after it starts it again; one that does not run just now reads the file when it does. */
async function kill({ context, lab, machine }: FaultCall, program: string): Promise<void> {
  await run(context, machine, ['pkill', '-KILL', '-x', program], { timeoutMs: seconds(lab, 20) });
}

function tell({ context, lab, machine }: FaultCall, argv: readonly string[]): Promise<string> {
  return must(context, machine, argv, { timeoutMs: seconds(lab, 60) });
}

function tells({ context, lab, machine }: FaultCall, argv: readonly string[]): Promise<boolean> {
  return succeeds(context, machine, argv, { timeoutMs: seconds(lab, 20) });
}
