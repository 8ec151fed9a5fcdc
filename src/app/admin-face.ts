/** A running server as administrators' operations see it. */
import { tellOperation } from '../admin/account-events.ts';
import type { AdminServices } from '../admin/operation.ts';
import { hashPassword } from '../server/login/password.ts';
import { askDomains } from './admin-services.ts';
import { temporaryFolder } from './data-folder.ts';
import { explain } from './explain/explain.ts';
import { reportLogin } from './login-report.ts';
import type { ServerMetrics } from './metrics.ts';
import type { Reloads } from './reloads.ts';
import type { ServerParts } from './server-parts.ts';
import { statusOf } from './status.ts';

/** A reload may change the configuration, so each value is looked up when needed. */
export function createAdminServices(parts: ServerParts, reloads: Reloads, metrics: ServerMetrics): AdminServices {
  const { options, store, generations, clock } = parts;
  const parameters = (): AdminServices['parameters'] => generations.current.configuration.parameters;
  return {
    store,
    get defaultDomain() {
      return parameters().string('myorigin');
    },
    get parameters() {
      return parameters();
    },
    ...askDomains(async () => generations.current.domains),
    hashPassword,
    flush: (filter) => generations.flush(filter),
    wake: () => generations.current.delivery.runner.wake(),
    clock,
    progress: () => {},
    server: {
      reload: () => reloads.reload(),
      stop: () => options.onStop(),
      done: (name, result) => tellOperation(generations.hooks, name, result),
      status: () => statusOf(parts, reloads.refusal),
      metrics: () => metrics.families(),
      plugins: () => generations.current.bus.plugins,
      logIn: (login, password) =>
        generations.current.authenticator.verify({
          login,
          password,
          remoteIp: '127.0.0.1',
          protocol: 'imap',
          mechanism: 'PLAIN',
        }),
      reportLogin: (login, password) => reportLogin(login, password, generations.current, store.directory),
      explain: (asked) =>
        explain(asked, {
          foundation: generations.current,
          directory: store.directory,
          clock,
          temporaryFolder: temporaryFolder(options.dataDirectory),
        }),
    },
  };
}
