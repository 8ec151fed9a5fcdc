/** The link of a member: mail programs send a POST (RFC 8058), people see a button first. */
import type { RouteAnswer, RouteRequest } from '../../src/bus/plugin.ts';
import type { Address } from '../../src/mail/address.ts';
import type { List } from './list.ts';

export interface PageServices {
  readonly find: (address: string) => List | undefined;
  readonly isRight: (list: List, member: Address, token: string) => Promise<boolean>;
  readonly unsubscribe: (list: List, member: Address) => Promise<void>;
}

/** A link that is opened, by a scanner for instance, changes nothing: only a POST does. */
export const unsubscribePage =
  ({ find, isRight, unsubscribe }: PageServices) =>
  async ({ method, query }: RouteRequest): Promise<RouteAnswer> => {
    const [member, token] = [query.get('member') ?? '', query.get('token') ?? ''];
    const list = find(query.get('list') ?? '');
    if (list === undefined || !(await isRight(list, member, token))) return page(404, 'This link is not valid.');
    if (method === 'GET')
      return page(
        200,
        `<form method="post"><button>Remove ${escaped(member)} from ${escaped(list.address)}</button></form>`,
      );
    await unsubscribe(list, member);
    return page(200, `${escaped(member)} was removed from ${escaped(list.address)}.`);
  };

const page = (status: number, html: string): RouteAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'",
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  },
  body: `<!doctype html><title>Mailing list</title>${html}\n`,
});

const escaped = (text: string): string => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
