/** What the libvirt provider is made of: texts of Vagrant and libvirt, the fate of a machine, groups of processes. */
import t from 'tap';
import { managementCards } from '../../lib/model/management.js';
import { hostPrograms } from '../../lib/provider/libvirt/host-program.js';
import { fateOf, type FoundMachine } from '../../lib/provider/libvirt/leftovers.js';
import { parseVagrantLine, splitErrors, spokenText } from '../../lib/provider/libvirt/machine-readable.js';
import { labNetwork, managementNetwork, ownerOf } from '../../lib/provider/libvirt/networks.js';
import { endGroup, identify, isAlive } from '../../lib/provider/libvirt/process-group.js';
import { escapeXml, parseDomain, unescapeXml } from '../../lib/provider/libvirt/virsh.js';
import { WallClock } from '../../lib/provider/libvirt/wall-clock.js';
import { LAB } from '../helpers/libvirt-bench.js';

t.test("Vagrant's lines are read, and its progress is not passed on", async (t) => {
  t.strictSame(parseVagrantLine('1700000000,stage-cp-1,ui,info,a%!(VAGRANT_COMMA) b\\nc\\r'), {
    machine: 'stage-cp-1',
    type: 'ui',
    data: ['info', 'a, b\nc'],
  });
  t.equal(parseVagrantLine('/usr/lib/ruby: warning: something'), null);
  t.equal(parseVagrantLine('1,,ui,error,x')?.machine, null);
  const spoken = (line: string): string | null => {
    const parsed = parseVagrantLine(line);
    return parsed === null ? `not read: ${line}` : spokenText(parsed);
  };
  t.equal(spoken('1,w,ui,info,\u001b[K==> w: Starting domain.'), 'Starting domain.');
  t.equal(spoken('1,w,ui,detail,    w: SSH address: 192.0.2.1:22'), 'SSH address: 192.0.2.1:22');
  t.equal(spoken('1,w,ui,info,Progress: 12%'), null);
  t.equal(spoken('1,w,action,up,start'), null);
});

t.test('errors of several machines are told apart', async (t) => {
  const text = [
    'An error occurred while executing multiple actions in parallel.',
    'Any errors that occurred are shown below.',
    '',
    "An error occurred while executing the action on the 'a-1'",
    'machine. Please handle this error then try again:',
    '',
    'Name `homelab_a-1` of domain about to create is already taken.',
    '',
    'An unexpected error occurred when executing the action on the',
    "'a-2' machine. Please report this as a bug:",
    'no space',
    '',
    "/usr/lib/ruby/vendor_ruby/fog/libvirt/models/compute/server.rb:76:in `start'",
    "/usr/share/gems/vagrant-2.3.4/lib/vagrant/machine.rb:217:in `block in action'",
  ].join('\n');
  const errors = splitErrors(text);
  t.strictSame([...errors.keys()], ['a-1', 'a-2']);
  t.equal(errors.get('a-1'), 'Name `homelab_a-1` of domain about to create is already taken.');
  t.equal(errors.get('a-2'), 'no space', 'without the stack');
  t.strictSame([...splitErrors('The box is not there.')], [['', 'The box is not there.']]);
});

t.test("libvirt's texts are read back as they were written", async (t) => {
  const odd = `/srv/o'neil & <sons>/"lab"`;
  t.equal(unescapeXml(escapeXml(odd)), odd);
  t.equal(unescapeXml('a &amp; b &#x27; &apos; &unknown;'), "a & b ' ' &unknown;");
  for (const { name, xml } of [labNetwork(LAB, odd), managementNetwork(LAB, odd)]) {
    t.match(xml, `<name>${name}</name>`);
    t.equal(ownerOf(xml), odd);
    t.match(xml, "<bridge stp='off' delay='0'/>");
  }
  t.equal(ownerOf('<network><name>homelab-stage</name></network>'), null);
  const xml = managementNetwork(LAB, odd).xml;
  for (const { mac, address, machine } of managementCards(LAB)) {
    t.match(xml, `<host mac='${mac}' name='${machine}' ip='${address}'/>`);
  }
  t.strictSame(parseDomain('<domain></domain>'), { uuid: '', description: '', cards: [] });
});

t.test('what becomes of a machine follows from what is there and whose it is', async (t) => {
  const details = { uuid: 'u', description: '', cards: [], state: 'running' } as const;
  const own = { ...details, own: true };
  const none = { id: null, completeId: null };
  const nothing: FoundMachine = { machine: 'm', progress: null, domain: null, folder: none, volume: false };
  const fate = (more: Partial<FoundMachine>): string => fateOf({ ...nothing, ...more });
  t.equal(fate({}), 'make');
  t.equal(fate({ progress: 'begun' }), 'make', 'begun, and nothing came of it');
  t.equal(fate({ volume: true }), 'foreign-volume');
  t.equal(fate({ volume: true, progress: 'begun' }), 'remake');
  t.equal(fate({ domain: { ...details, own: false }, progress: 'made' }), 'foreign-domain');
  t.equal(fate({ domain: own, progress: 'begun' }), 'remake', "no id of Vagrant's");
  t.equal(
    fate({ domain: own, progress: 'begun', folder: { id: 'u', completeId: null } }),
    'remake',
    'booted only',
  );
  t.equal(
    fate({ domain: own, progress: 'begun', folder: { id: 'u', completeId: 'u' } }),
    'keep',
    'Vagrant came to its end',
  );
  t.equal(fate({ domain: own, progress: 'begun', folder: { id: 'u', completeId: 'old' } }), 'remake');
  t.equal(fate({ domain: own, progress: 'made', folder: { id: 'u', completeId: 'u' } }), 'keep');
  t.equal(fate({ domain: own, progress: 'made' }), 'adopt', "Vagrant's folder was lost");
});

t.test('a group of processes is known by its birth and ended as a whole', async (t) => {
  const run = hostPrograms({ PATH: process.env['PATH'] });
  const clock = new WallClock(0);
  let pid = 0;
  const going = run({
    argv: ['sh', '-c', 'trap "" INT; sleep 60 & wait; sleep 60'],
    ...{ timeoutMs: 60_000, detached: true, onStart: (started) => void (pid = started) },
  });
  const known = identify(pid);
  t.not(known, null, 'it runs');
  if (known === null) return;
  t.ok(isAlive(known));
  t.notOk(isAlive({ ...known, startTicks: '1' }), 'another process of the same number');
  t.notOk(isAlive({ ...known, bootId: 'another' }));
  await endGroup(run, clock, known, 100);
  t.notOk(isAlive(known));
  t.match(await going, { kind: 'exited', signal: 'SIGKILL' });
});
