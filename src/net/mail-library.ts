/**
 * Loads smtp-server without the HTTP client that its dependency nodemailer brings for attachments named by URL:
 * no message of ours has any, a mail server should not fetch what a message names, and Node's HTTP costs an idle
 * process a megabyte. Where it is called all the same, it refuses.
 */
import { createRequire, registerHooks } from 'node:module';

const require = createRequire(import.meta.url);
const REFUSING = 'posthorn:no-fetch';

/** The CommonJS build: the other one would load through Node's fetch. */
export function loadMailLibrary(specifier: string): unknown {
  const hooks = registerHooks({
    resolve: (wanted, context, next) =>
      wanted === '../fetch/index.js' && context.parentURL?.includes('/node_modules/nodemailer/') === true
        ? { url: REFUSING, format: 'commonjs', shortCircuit: true }
        : next(wanted, context),
    load: (url, context, next) =>
      url === REFUSING
        ? { format: 'commonjs', shortCircuit: true, source: "module.exports = () => { throw new Error('messages fetch nothing'); };" }
        : next(url, context),
  });
  try {
    return require(specifier);
  } finally {
    hooks.deregister();
  }
}
