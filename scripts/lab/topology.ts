/** One machine of the lab: a network namespace with one interface, `eth0`, on the common wire. */
export type Node = {
  name: string;
  /** In 203.0.113.0/24, or 198.51.100.0/24 for `far` (RFC 5737). */
  v4: string;
  /** In 2001:db8:1::/64, or 2001:db8:66::/64 for `far` (RFC 3849). */
  v6: string;
};

/** Namespace of the bridge: the wire itself, where captures are taken. */
export const WIRE = 'wire';

/** Interface of the bridge that sees every frame of the wire once. */
export const BRIDGE = 'br0';

/** Most hosts: their last octets go from 11 to 99. */
const MAX_HOSTS = 89;

/** Fixed nodes by the last part of their addresses. `far` stands behind `router`, in a network of its own. */
const FIXED = { router: 1, collector: 10, scanner: 200, client: 201 } as const;

const FAR: Node = { name: 'far', v4: '198.51.100.200', v6: '2001:db8:66::200' };

/** The router's side of the link to `far`. */
const FAR_GATEWAY = { v4: '198.51.100.1', v6: '2001:db8:66::1' };

const onWire = (name: string, last: number): Node => ({
  name,
  v4: `203.0.113.${last}`,
  v6: `2001:db8:1::${last}`,
});

/** The nodes of a lab with these hosts. */
export function nodesFor(hosts: readonly string[]): Node[] {
  if (hosts.length > MAX_HOSTS) throw new Error(`a lab has at most ${MAX_HOSTS} hosts`);
  const bad = hosts.find((name) => !/^[a-z][a-z0-9]{0,9}$/.test(name) || name in FIXED || name === FAR.name);
  if (bad !== undefined) throw new Error(`"${bad}" cannot be a host's name in the lab`);
  const fixed = Object.entries(FIXED).map(([name, last]) => onWire(name, last));
  return [...fixed, ...hosts.map((name, index) => onWire(name, 11 + index)), FAR];
}

/**
 * Lines for `ip -batch` in the wire's namespace. Both ends of each veth pair are made where they belong, so that no
 * interface ever stands in the machine's own namespace.
 *
 * @param namespaceOf name of a node's namespace
 */
export function wireLines(nodes: readonly Node[], namespaceOf: (node: string) => string): string[] {
  const cables = nodes
    .filter(({ name }) => name !== FAR.name)
    .flatMap(({ name }) => [
      `link add to-${name} type veth peer name eth0 netns ${namespaceOf(name)}`,
      `link set to-${name} master ${BRIDGE} up`,
    ]);
  // Without snooping, neighbour solicitations reach a node before its first multicast report did.
  return [`link add ${BRIDGE} type bridge mcast_snooping 0`, `link set ${BRIDGE} up`, ...cables];
}

/** Lines for `ip -batch` in the router's namespace, run before the others': the link to `far`. */
export function routerLines(namespaceOf: (node: string) => string): string[] {
  return [
    `link add eth1 type veth peer name eth0 netns ${namespaceOf(FAR.name)}`,
    'link set eth1 up',
    `address add ${FAR_GATEWAY.v4}/24 dev eth1`,
    `address add ${FAR_GATEWAY.v6}/64 dev eth1 nodad`,
  ];
}

/** Lines for `ip -batch` in a node's namespace: addresses, and routes to the other network. No default route. */
export function nodeLines({ name, v4, v6 }: Node): string[] {
  const isFar = name === FAR.name;
  const router = onWire('router', FIXED.router);
  const routes = isFar
    ? [`route add 203.0.113.0/24 via ${FAR_GATEWAY.v4}`, `route add 2001:db8:1::/64 via ${FAR_GATEWAY.v6}`]
    : [`route add 198.51.100.0/24 via ${router.v4}`, `route add 2001:db8:66::/64 via ${router.v6}`];
  return [
    'link set lo up',
    'link set eth0 up',
    `address add ${v4}/24 dev eth0`,
    `address add ${v6}/64 dev eth0 nodad`,
    ...(name === 'router' ? [] : routes),
  ];
}
