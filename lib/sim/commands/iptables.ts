/**
 * `iptables` for the chains INPUT and OUTPUT of the table filter: -A, -I, -D (a rule or its number), -C, -S, -L, -F
 * and -P, with -s, -d, -i, -o, -p, --sport, --dport and -j. Other tables, matches and targets say that they are not
 * modelled.
 */
import { printRule, type Chain, type Rule, type Verdict } from '../firewall.js';
import { internetAddress } from '../internet.js';
import type { Invocation } from '../process.js';
import { Failure, notModelled, shortProgram } from './failure.js';
import { FlagProblem, parseFlags, type Flags } from './flags.js';

const VERBS = [
  'append|A=',
  'insert|I=',
  'delete|D=',
  'check|C=',
  'list-rules|S?=',
  'list|L?=',
  'flush|F?=',
  'policy|P=',
];
const MATCHES = [
  ...[
    'source|src|s=',
    'destination|dst|d=',
    'in-interface|i=',
    'out-interface|o=',
    'protocol|p=',
    'match|m=',
  ],
  ...[
    'source-port|sport=',
    'destination-port|dport=',
    'jump|j=',
    'reject-with=',
    'table|t=',
    'wait|w',
    'numeric|n',
  ],
  ...['verbose|v', 'line-numbers', 'comment='],
];
const HEADINGS = 'target     prot opt source               destination         \n';
const HINT = "Try `iptables -h' or 'iptables --help' for more information.\n";
const MISSING = 'iptables: Bad rule (does a matching rule exist in that chain?).\n';

export const iptables = shortProgram((call) => {
  const flags = read(joinListArgument(call.args));
  const table = flags.get('table') ?? 'filter';
  if (table !== 'filter') throw notModelled('iptables', `the table ${table}`, 3);
  const verbs = VERBS.map((spec) => spec.split('|')[0] ?? '').filter((verb) => flags.get(verb) !== null);
  const [verb, ...more] = verbs;
  if (verb === undefined) throw new Failure(`iptables v1.8.9 (nf_tables): no command specified\n${HINT}`, 2);
  if (more.length > 0)
    throw new Failure(`iptables v1.8.9 (nf_tables): Cannot use -${more[0] ?? ''} with -${verb}\n${HINT}`, 2);
  return act(call, flags, verb, flags.get(verb) ?? '');
});

function act(call: Invocation, flags: Flags, verb: string, name: string): number {
  const { machine } = call;
  const { firewall } = machine;
  const chains = name === '' ? (['INPUT', 'OUTPUT'] as const) : [chainOf(name)];
  const [first] = chains;
  switch (verb) {
    case 'append':
      firewall.chains[first].push(ruleOf(call, flags, first));
      break;
    case 'insert':
      firewall.chains[first].splice(numberOf(flags) - 1, 0, ruleOf(call, flags, first));
      break;
    case 'delete':
      firewall.chains[first].splice(indexOf(call, flags, first), 1);
      break;
    case 'check':
      indexOf(call, flags, first);
      return 0;
    case 'flush':
      for (const chain of chains) firewall.chains[chain].length = 0;
      break;
    case 'policy':
      firewall.policies[first] = policyOf(flags.operands[0]);
      break;
    default:
      print(call, chains, name === '', verb === 'list');
      return 0;
  }
  machine.reachChanged.fire();
  machine.world.network.changed.fire();
  return 0;
}

function read(args: readonly string[]): Flags {
  try {
    return parseFlags([...VERBS, ...MATCHES], args);
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    const what =
      error.kind === 'needs-value'
        ? `option "${error.flag}" requires an argument`
        : `unknown option "${error.argument}"`;
    throw new Failure(`iptables v1.8.9 (nf_tables): ${what}\n${HINT}`, 2);
  }
}

/** -S, -L and -F take their chain as the next word, if there is one. */
function joinListArgument(args: readonly string[]): readonly string[] {
  const joined: string[] = [];
  for (const [index, argument] of args.entries()) {
    const before = args[index - 1] ?? '';
    const belongs = /^(-[SLF]|--(list-rules|list|flush))$/.test(before) && !argument.startsWith('-');
    if (belongs) joined.push(`${joined.pop() ?? ''}${before.startsWith('--') ? '=' : ''}${argument}`);
    else joined.push(argument);
  }
  return joined;
}

function chainOf(name: string): Chain {
  if (name === 'INPUT' || name === 'OUTPUT') return name;
  if (name === 'FORWARD') throw notModelled('iptables', 'the chain FORWARD', 3);
  throw new Failure('iptables: No chain/target/match by that name.\n', 1);
}

function policyOf(word: string | undefined): 'ACCEPT' | 'DROP' {
  if (word === 'ACCEPT' || word === 'DROP') return word;
  throw new Failure("iptables: Bad policy name. Run `dmesg' for more information.\n", 1);
}

function numberOf(flags: Flags): number {
  return Number(flags.operands[0] ?? '1');
}

function indexOf(call: Invocation, flags: Flags, chain: Chain): number {
  const rules = call.machine.firewall.chains[chain];
  const [number] = flags.operands;
  if (number !== undefined) {
    if (rules[Number(number) - 1] !== undefined) return Number(number) - 1;
    throw new Failure('iptables: Index of deletion too big.\n', 1);
  }
  const wanted = printRule(chain, ruleOf(call, flags, chain));
  const index = rules.findIndex((rule) => printRule(chain, rule) === wanted);
  if (index < 0) throw new Failure(MISSING, 1);
  return index;
}

function ruleOf(call: Invocation, flags: Flags, chain: Chain): Rule {
  const modules = flags.list('match').filter((name) => !['tcp', 'udp', 'icmp', 'comment'].includes(name));
  if (modules[0] !== undefined) throw notModelled('iptables', `-m ${modules[0]}`, 2);
  const protocol = flags.get('protocol');
  if (protocol !== null && protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'icmp')
    throw notModelled('iptables', `-p ${protocol}`, 2);
  const port = (name: string): number | null => (flags.get(name) === null ? null : Number(flags.get(name)));
  if (protocol === null && (flags.get('source-port') ?? flags.get('destination-port')) !== null) {
    const option = flags.get('source-port') === null ? '--dport' : '--sport';
    throw new Failure(`iptables v1.8.9 (nf_tables): unknown option "${option}"\n${HINT}`, 2);
  }
  return {
    source: rangeOf(call, flags.get('source')),
    destination: rangeOf(call, flags.get('destination')),
    card: flags.get(chain === 'INPUT' ? 'in-interface' : 'out-interface'),
    protocol,
    sourcePort: port('source-port'),
    destinationPort: port('destination-port'),
    verdict: verdictOf(flags.get('jump')),
  };
}

/** A name becomes its address when the rule is made, as iptables does it. */
function rangeOf(call: Invocation, text: string | null): string | null {
  if (text === null) return null;
  if (/^[\d.]+\/\d+$/.test(text)) return text;
  const address = /^[\d.]+$/.test(text)
    ? text
    : (call.machine.lookup(text) ?? internetAddress(call.machine, text));
  if (address !== null) return `${address}/32`;
  throw new Failure(`iptables v1.8.9 (nf_tables): host/network \`${text}' not found\n${HINT}`, 2);
}

function verdictOf(jump: string | null): Verdict {
  if (jump === 'DROP' || jump === 'REJECT' || jump === 'ACCEPT') return jump;
  if (jump === null) throw notModelled('iptables', 'a rule without a target', 2);
  throw new Failure(`iptables v1.8.9 (nf_tables): Chain '${jump}' does not exist\n${HINT}`, 2);
}

function print(call: Invocation, chains: readonly Chain[], all: boolean, list: boolean): void {
  const { firewall } = call.machine;
  if (list) {
    const blocks = chains.map((chain) => {
      const head = `Chain ${chain} (policy ${firewall.policies[chain]})\n${HEADINGS}`;
      return head + firewall.chains[chain].map(listRow).join('');
    });
    call.print(blocks.join('\n'));
    return;
  }
  const policies = all ? { ...firewall.policies, FORWARD: 'ACCEPT' } : firewall.policies;
  for (const chain of all ? (['INPUT', 'FORWARD', 'OUTPUT'] as const) : chains)
    call.print(`-P ${chain} ${chain === 'FORWARD' ? 'ACCEPT' : policies[chain]}\n`);
  for (const chain of chains)
    for (const rule of firewall.chains[chain]) call.print(`-A ${chain} ${printRule(chain, rule)}\n`);
}

function listRow(rule: Rule): string {
  const address = (range: string | null): string => (range ?? '0.0.0.0/0').replace(/\/32$/, '').padEnd(20);
  const ports = [
    ...(rule.sourcePort === null ? [] : [`spt:${rule.sourcePort}`]),
    ...(rule.destinationPort === null ? [] : [`dpt:${rule.destinationPort}`]),
  ];
  const tail = [
    ...(ports.length === 0 ? [] : [`${rule.protocol ?? 'tcp'} ${ports.join(' ')}`]),
    ...(rule.verdict === 'REJECT' ? ['reject-with icmp-port-unreachable'] : []),
  ].join(' ');
  const protocol = (rule.protocol ?? 'all').padEnd(4);
  return `${rule.verdict.padEnd(10)} ${protocol} --  ${address(rule.source)} ${address(rule.destination)}${tail}\n`;
}
