/** Postfix's delivery agents: their names in log lines, and which of them would do a delivery. */
import type { Route } from '../route/router.ts';

export const PROGRAMS = ['smtp', 'lmtp', 'local', 'virtual', 'pipe', 'error', 'discard'] as const;
export type Program = (typeof PROGRAMS)[number];

export function programOf(route: Route): Program {
  if (route.kind === 'remote') return route.nexthop.protocol;
  if (route.kind === 'local') return route.agent;
  if (route.kind === 'target' || route.kind === 'expand') return 'local';
  if (route.kind === 'error' && route.relay !== 'none') return route.relay;
  return route.kind;
}
