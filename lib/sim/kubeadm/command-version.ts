/** `kubeadm version`. Commit, build date and Go version are placeholders, as nothing depends on them. */
import { stringify } from 'yaml';
import { KubeadmFailure, say, type Kubeadm } from './context.js';
import { readArguments } from './flags.js';

export function versionCommand(kubeadm: Kubeadm, args: readonly string[]): void {
  const { flags } = readArguments(args, ['output|o=', 'kubeconfig=']);
  const info = {
    major: '1',
    minor: String(kubeadm.version.minor),
    gitVersion: kubeadm.versionText,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '2025-01-01T00:00:00Z',
    goVersion: 'go1.23.5',
    compiler: 'gc',
    platform: 'linux/amd64',
  };
  const format = flags.get('output') ?? '';
  switch (format) {
    case '':
    case 'text': {
      const fields = Object.entries(info).map(([name, value]) => `${titled(name)}:"${value}"`);
      say(kubeadm, `kubeadm version: &version.Info{${fields.join(', ')}}`);
      return;
    }
    case 'short': {
      say(kubeadm, kubeadm.versionText);
      return;
    }
    case 'json': {
      say(kubeadm, JSON.stringify({ clientVersion: info }, null, 2));
      return;
    }
    case 'yaml': {
      kubeadm.call.print(stringify({ clientVersion: info }, { sortMapEntries: true }));
      return;
    }
    default:
      throw new KubeadmFailure(`invalid output format: ${format}`);
  }
}

function titled(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}
