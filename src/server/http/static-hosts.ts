/**
 * A folder of static files for each host name (requirement L5): `www/www.baidu.com/index.html`.
 * A symbolic link beside it is another name of the same host: `www2.baidu.com -> www.baidu.com`.
 * Hosts are the folder's entries at start and at reload; files are looked for when they are asked for.
 */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';

/** Host names in lower case to the folder they are served from; empty where `directory` is not there. */
export function readHosts(directory: string): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch {
    return hosts;
  }
  for (const name of names) {
    const path = join(directory, name);
    if (!name.startsWith('.') && statSync(path, { throwIfNoEntry: false })?.isDirectory()) hosts.set(name.toLowerCase(), realpathSync(path));
  }
  return hosts;
}

/** A site that answers GET and HEAD from `root`; names that begin with a dot stay hidden, but for /.well-known. */
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
      ? context.text(`No site of the name "${host.replace(/[^\w.:[\]-]/g, '?')}" is served here.\n`, 421)
      : chosen.fetch(context.req.raw, context.env);
  });
  return app;
}
