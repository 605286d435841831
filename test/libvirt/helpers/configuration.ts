/** Small labs of real machines, as their configuration files say them. */
import type { Driver, VipProvider } from '../../../lib/model/lab.js';

export interface Shape {
  /** Lab, and beginning of the machines' names. Every test file has its own. */
  readonly name: string;
  /** First three numbers of the lab network. */
  readonly subnet: string;
  readonly controlPlanes: number;
  readonly workers: number;
  /** Of a lab with several control planes; with `haproxy` it has one machine more. */
  readonly vipProvider?: VipProvider;
  /** Software emulation is some ten times slower than the simulator's machines. */
  readonly timeScale?: number;
  /** `auto`, which finds out, unless told. */
  readonly driver?: Driver;
}

export function configuration(shape: Shape): string {
  const { name, subnet, controlPlanes, workers, vipProvider, timeScale = 10, driver = 'auto' } = shape;
  const machines = (count: number, memory: string, cpus: number): string =>
    `{ count: ${count}, memory: ${memory}, cpus: ${cpus} }`;
  const topology = controlPlanes > 1 ? 'k8s-ha' : workers > 0 ? 'k8s-multi' : 'k8s-single';
  return [
    ...[`name: ${name}`, 'provider: libvirt', 'k8s:', `  topology: ${topology}`],
    ...['  cni: bridge', '  csi: none', '  ingress: none'],
    `  control_planes: ${machines(controlPlanes, '1700MiB', 2)}`,
    `  workers: ${machines(workers, '512MiB', 1)}`,
    ...(vipProvider === undefined ? [] : [`  ha: { api_vip_provider: ${vipProvider} }`]),
    ...['vos:', `  subnet: ${subnet}`, `  box: ${process.env['HOMELAB_TEST_BOX'] ?? 'none'}`],
    ...[`  driver: ${driver}`, `  time_scale: ${timeScale}`],
    '',
  ].join('\n');
}
