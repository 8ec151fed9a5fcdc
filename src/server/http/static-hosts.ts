/** Static files for each host name (requirement L5); files are looked up at each request. */
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';

/** Answers GET and HEAD from `root`; names beginning with a dot are hidden, except /.well-known. */
function site(root: string): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    context.header('X-Content-Type-Options', 'nosniff');
    if (/\/\.(?!well-known\/)/.test(context.req.path)) return context.text('Not found\n', 404);
    return next();
  });
  app.use(serveStatic({ root }));
  app.all('*', (context) =>
    context.req.method === 'GET' || context.req.method === 'HEAD'
      ? context.text('Not found\n', 404)
      : context.text('Method not allowed\n', 405, { Allow: 'GET, HEAD' }),
  );
  return app;
}

/** Chooses the site by the Host header (RFC 9110 section 7.2), without its port. */
export function staticHosts(hosts: ReadonlyMap<string, string>): Hono {
  const sites = new Map([...hosts].map(([name, root]) => [name, site(root)]));
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
