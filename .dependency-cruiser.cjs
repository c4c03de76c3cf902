/** Who may import whom: ARCHITECTURE.md, "Folders". PURE folders decide and know neither clock nor I/O. */
const PURE = '^(protocol/src|agent/src/(detect|decode|logcheck|nft)|collector/src/correlate)/';

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'unresolvable',
      severity: 'error',
      comment: 'an import that cannot be resolved would silently escape every rule below',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'pure-no-io',
      severity: 'error',
      comment: 'PURE folders have no node: imports; what helps their tests may',
      from: { path: PURE, pathNot: '\\.test\\.ts$|/testing/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-imports-pure',
      severity: 'error',
      comment: 'PURE imports only PURE, protocol and libraries that protocol itself uses',
      from: { path: PURE, pathNot: '\\.test\\.ts$' },
      to: { path: '^(agent|collector|db|scripts)/', pathNot: PURE },
    },
    {
      name: 'protocol-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^protocol/' },
      to: { path: '^(agent|collector|db|scripts)/' },
    },
    {
      name: 'agent-not-collector-nor-db',
      severity: 'error',
      from: { path: '^agent/' },
      to: { path: '^(collector|db|scripts)/' },
    },
    {
      name: 'collector-not-agent',
      severity: 'error',
      from: { path: '^collector/' },
      to: { path: '^(agent|scripts)/' },
    },
    {
      name: 'db-below',
      severity: 'error',
      from: { path: '^db/' },
      to: { path: '^(agent|collector|scripts)/' },
    },
    {
      name: 'db-only-from-store-and-entry',
      severity: 'error',
      from: { path: '^collector/src/', pathNot: '^collector/src/(store|entry)/|\\.test\\.ts$' },
      to: { path: '^db/' },
    },
    {
      name: 'no-sibling-firewalls',
      severity: 'error',
      comment:
        'a firewall backend imports its ports, PURE and its own parts, NAME-….ts, which import each other; pick.ts chooses',
      from: {
        path: '^agent/src/firewall/([a-z]+)[^/]*\\.ts$',
        pathNot: '/pick[^/]*$|\\.test\\.ts$',
      },
      to: {
        path: '^agent/src/firewall/',
        pathNot: '^agent/src/firewall/(firewall|entries|entry-.*|nft-.*|$1|$1-.*)\\.ts$',
      },
    },
    {
      name: 'no-sibling-engines',
      severity: 'error',
      comment:
        'an engine imports its port, PURE and its own parts, NAME-….ts, which import each other; pick.ts chooses',
      from: { path: '^agent/src/watch/([a-z]+)[^/]*\\.ts$', pathNot: '(pick|\\.test)\\.ts$' },
      to: { path: '^agent/src/watch/', pathNot: '^agent/src/watch/(engine|$1|$1-.*)\\.ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};
