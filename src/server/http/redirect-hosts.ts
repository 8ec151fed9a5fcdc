/**
 * What http:// answers: a redirect to the same page over HTTPS, for the hosts that are served there (never to a name
 * that the client chose). Only the files of `/.well-known/acme-challenge/` are sent in clear text, because an authority
 * asks for them on port 80 (RFC 8555 section 8.3).
 *
 * There is no Strict-Transport-Security: with a certificate that the server made itself, a browser that remembers it
 * would lock its user out.
 */
import { Hono } from 'hono';
import { chooseHost } from './choose-host.ts';
import { site } from './static-hosts.ts';

/** `port` of HTTPS. */
export const redirectHosts = (hosts: ReadonlyMap<string, string>, port: number): Hono =>
  chooseHost(new Map([...hosts].map(([name, root]) => [name, redirect(name, root, port)])));

function redirect(name: string, root: string, port: number): Hono {
  const origin = `https://${name}${port === 443 ? '' : `:${port}`}`;
  const files = site(root);
  const app = new Hono();
  app.all('/.well-known/acme-challenge/*', (context) => files.fetch(context.req.raw, context.env));
  app.all('*', (context) => {
    const { pathname, search } = new URL(context.req.url);
    // 308: the method stays the same.
    return context.redirect(`${origin}${pathname}${search}`, 308);
  });
  return app;
}
