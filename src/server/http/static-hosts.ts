/** Static files for each host name (requirement L5); files are looked up at each request. */
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { chooseHost } from './choose-host.ts';

/** Answers GET and HEAD from `root`; names beginning with a dot are hidden, except /.well-known. */
export function site(root: string): Hono {
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

export const staticHosts = (hosts: ReadonlyMap<string, string>): Hono =>
  chooseHost(new Map([...hosts].map(([name, root]) => [name, site(root)])));
