/**
 * The lab's kubeconfig from kubeadm's admin.conf: names change, certificates do not, errors never quote the
 * text.
 */
import t from 'tap';
import { parse } from 'yaml';
import { UserError } from '../../lib/base/errors.js';
import { labKubeconfig } from '../../lib/generate/kubeconfig.js';
import { makeLab } from '../helpers/labs.js';

const lab = makeLab({ vip: 'kube-vip' });
const KEY = 'LS0tLS1CRUdJTi'.repeat(20);
const ADMIN_CONF = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://192.168.62.5:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
preferences: {}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: Q0VSVA==
    client-key-data: ${KEY}
`;

void t.test('names of the lab, the chosen server, the same certificates', (t) => {
  t.same(parse(labKubeconfig(lab, ADMIN_CONF, '192.168.62.11', 6443)), {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'stage',
        cluster: { 'certificate-authority-data': 'Q0E=', server: 'https://192.168.62.11:6443' },
      },
    ],
    users: [{ name: 'stage-admin', user: { 'client-certificate-data': 'Q0VSVA==', 'client-key-data': KEY } }],
    contexts: [{ name: 'stage', context: { cluster: 'stage', user: 'stage-admin' } }],
    'current-context': 'stage',
  });
  t.match(
    labKubeconfig(lab, ADMIN_CONF, '192.168.62.11', 6443),
    `client-key-data: ${KEY}\n`,
    'keys are not folded',
  );
  t.end();
});

void t.test('what is no kubeconfig is said without quoting it', (t) => {
  const broken = {
    empty: '',
    'not YAML': ADMIN_CONF.replace('kind: Config', 'kind: "Config'),
    list: `- ${KEY}`,
    'two users': `${ADMIN_CONF}- name: other\n  user:\n    token: ${KEY}\n`,
    'no clusters': ADMIN_CONF.replace('clusters:', 'clutters:'),
    'cluster without content': ADMIN_CONF.replace('- cluster:', '- other:'),
  };
  for (const [name, text] of Object.entries(broken)) {
    try {
      labKubeconfig(lab, text, '192.168.62.5', 6443);
      t.fail(`${name} was taken`);
    } catch (error) {
      t.ok(error instanceof UserError && error.code === 'kubeconfig-unreadable', name);
      t.notOk(String(error).includes(KEY.slice(0, 20)), `${name}: no key in the message`);
    }
  }
  t.end();
});
