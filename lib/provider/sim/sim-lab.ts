/** What a simulated world takes from a lab: its network, its speed, and what the node image holds. */
import type { LabSpec } from '../../model/lab.js';
import type { NodeImage } from '../../sim/image.js';
import { SIMULATOR_VERSION, type WorldHeader } from './world-log.js';

export function simHeader(lab: LabSpec, seed: number): WorldHeader {
  return {
    world: SIMULATOR_VERSION,
    seed,
    timeScale: lab.timeScale,
    ...(lab.timings === undefined ? {} : { timings: lab.timings }),
    interfaceName: lab.network.interface,
    prefixLength: lab.network.prefixLength,
    hostAddress: lab.network.hostAddress,
    // An installation has one API address for everybody who looks from outside.
    endpoint: { address: lab.endpoint.address, port: lab.endpoint.port, vip: lab.vip?.address ?? null },
  };
}

export function simImage(lab: LabSpec): NodeImage {
  const kubeVipVersion = lab.vip?.provider === 'kube-vip' ? lab.vip.kubeVipVersion : null;
  const offline = lab.bundle === null ? {} : { offline: true };
  return { kubernetesVersion: lab.kubernetes.version, kubeVipVersion, ...offline };
}
