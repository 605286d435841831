/** An upgrade plan as text, in tables as Go's tabwriter aligns them, or as the UpgradePlan of kubeadm's output API. */
import { parseVersion, compareVersions } from '../../model/version.js';
import { say, type Kubeadm } from './context.js';
import type { AvailableUpgrade, PlannedComponent, UpgradePlan } from './upgrade-plan.js';

const RULE = '_'.repeat(69);

export function printPlan(kubeadm: Kubeadm, plan: UpgradePlan, json: boolean): void {
  if (json) {
    say(kubeadm, JSON.stringify(planDocument(plan), null, 4));
    return;
  }
  say(kubeadm, '');
  for (const upgrade of plan.upgrades) printUpgrade(kubeadm, upgrade);
  if (plan.upgrades.length > 0) printConfigs(kubeadm, plan);
}

function planDocument(plan: UpgradePlan): unknown {
  return {
    kind: 'UpgradePlan',
    apiVersion: 'output.kubeadm.k8s.io/v1alpha3',
    availableUpgrades: plan.upgrades.map(({ description, components }) => ({ description, components })),
    configVersions: plan.configs,
  };
}

function printUpgrade(kubeadm: Kubeadm, upgrade: AvailableUpgrade): void {
  const row = ({ name, nodeName, currentVersion, newVersion }: PlannedComponent): string[] => [
    name,
    nodeName ?? '',
    currentVersion,
    newVersion,
  ];
  const head = ['COMPONENT', 'NODE', 'CURRENT', 'TARGET'];
  const kubelets = upgrade.components.filter(({ name }) => name === 'kubelet');
  if (kubelets.length > 0) {
    say(
      kubeadm,
      'Components that must be upgraded manually after you have upgraded the control plane with ' +
        "'kubeadm upgrade apply':",
    );
    printRows(kubeadm, [head, ...kubelets.map(row)]);
    say(kubeadm, '');
  }
  say(kubeadm, `Upgrade to the latest ${upgrade.description}:`);
  say(kubeadm, '');
  const others = upgrade.components.filter(({ name }) => name !== 'kubelet' && name !== 'kubeadm');
  printRows(kubeadm, [head, ...others.map(row)]);
  say(kubeadm, '');
  say(kubeadm, 'You can now apply the upgrade by executing the following command:');
  say(kubeadm, '');
  say(kubeadm, `\tkubeadm upgrade apply ${upgrade.target}`);
  say(kubeadm, '');
  const target = parseVersion(upgrade.target);
  if (target !== null && compareVersions(kubeadm.version, target) < 0) {
    say(
      kubeadm,
      `Note: Before you can perform this upgrade, you have to update kubeadm to ${upgrade.target}.\n`,
    );
  }
  say(kubeadm, `${RULE}\n`);
}

function printConfigs(kubeadm: Kubeadm, plan: UpgradePlan): void {
  say(
    kubeadm,
    `
The table below shows the current state of component configs as understood by this version of kubeadm.
Configs that have a "yes" mark in the "MANUAL UPGRADE REQUIRED" column require manual config upgrade or
resetting to kubeadm defaults before a successful upgrade can be performed. The version to manually
upgrade to is denoted in the "PREFERRED VERSION" column.
`,
  );
  printRows(kubeadm, [
    ['API GROUP', 'CURRENT VERSION', 'PREFERRED VERSION', 'MANUAL UPGRADE REQUIRED'],
    ...plan.configs.map((config) => [
      config.group,
      config.currentVersion,
      config.preferredVersion,
      config.manualUpgradeRequired ? 'yes' : 'no',
    ]),
  ]);
  say(kubeadm, `${RULE}\n`);
}

/** Three spaces between columns, which are at least ten wide; the last one is as it is. */
function printRows(kubeadm: Kubeadm, rows: readonly (readonly string[])[]): void {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(10, ...rows.map((row) => (row[column] ?? '').length + 3)));
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
    );
    say(kubeadm, cells.join(''));
  }
}
