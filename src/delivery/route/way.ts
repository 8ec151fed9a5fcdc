/** A transport and a next hop as main.cf and transport tables write them: `transport:nexthop`, either half empty. */
export interface Way {
  readonly transport: string;
  readonly nexthop: string;
}

export function parseWay(text: string): Way {
  const colon = text.indexOf(':');
  return colon < 0
    ? { transport: text.trim(), nexthop: '' }
    : { transport: text.slice(0, colon).trim(), nexthop: text.slice(colon + 1).trim() };
}
