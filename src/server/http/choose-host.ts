/** Chooses the site by the Host header (RFC 9110 section 7.2), without its port. */
import { Hono } from 'hono';

/** `sites`: by host name in lower case. A host that is none of them gets 421. */
export function chooseHost(sites: ReadonlyMap<string, Hono>): Hono {
  const app = new Hono();
  app.all('*', (context) => {
    const host = (context.req.header('host') ?? '').toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
    const chosen = sites.get(host);
    return chosen === undefined
      ? context.text(`No site named "${host.replace(/[^\w.:[\]-]/g, '?')}" is served here.\n`, 421)
      : chosen.fetch(context.req.raw, context.env);
  });
  return app;
}
