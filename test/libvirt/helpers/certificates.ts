/**
 * One authority and one certificate for everybody, at the places where kubeadm keeps etcd's: what the commands of sagas
 * name is there, and nothing else of kubeadm is.
 */
import type { MachineSpec } from '../../../lib/model/lab.js';
import type { Provider } from '../../../lib/provider/provider.js';
import { on, put } from './machine.js';

export const PKI = '/etc/kubernetes/pki/etcd';

const NAMES = ['server', 'peer', 'healthcheck-client'];

export async function placeCertificates(provider: Provider, machines: readonly MachineSpec[]): Promise<void> {
  const made = await makeCertificates(provider, machines);
  for (const { name } of machines) {
    await on(provider, name, 'mkdir', '-p', PKI);
    for (const [file, bytes] of made) await put(provider, name, `${PKI}/${file}`, bytes, 0o600);
  }
}

/** Made on the first machine: the box has openssl, and this computer need not. */
async function makeCertificates(
  provider: Provider,
  machines: readonly MachineSpec[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const maker = machines[0]?.name ?? '';
  const names = machines.flatMap(({ name, address }) => [`DNS:${name}`, `IP:${address}`]);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  const openssl = (...words: readonly string[]): Promise<string> => on(provider, maker, 'openssl', ...words);
  await openssl(
    ...['req', '-x509', ...key, '-subj', '/CN=etcd-ca', '-addext', 'keyUsage=critical,keyCertSign'],
    ...['-keyout', '/root/ca.key', '-out', '/root/ca.crt'],
  );
  await openssl(
    ...['req', '-x509', ...key, '-subj', '/CN=etcd', '-CA', '/root/ca.crt', '-CAkey', '/root/ca.key'],
    ...['-addext', `subjectAltName=DNS:localhost,IP:127.0.0.1,${names.join(',')}`],
    ...['-addext', 'extendedKeyUsage=serverAuth,clientAuth', '-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-keyout', '/root/etcd.key', '-out', '/root/etcd.crt'],
  );
  const read = async (path: string): Promise<Uint8Array> =>
    (await provider.shell(maker).readFile(path, { timeoutMs: 60_000 })) ?? new Uint8Array();
  const [ca, crt, secret] = [
    await read('/root/ca.crt'),
    await read('/root/etcd.crt'),
    await read('/root/etcd.key'),
  ];
  return new Map([
    ['ca.crt', ca],
    ...NAMES.flatMap((name) => [[`${name}.crt`, crt] as const, [`${name}.key`, secret] as const]),
  ]);
}
