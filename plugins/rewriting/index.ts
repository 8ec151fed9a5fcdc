/**
 * Rewrites recipients (requirements P10, P11): virtual, relocated and alias tables, aliases made by command, and blind
 * copies by table.
 */
import { definePlugin } from '../../src/bus/plugin.ts';
import { Copies } from './copies.ts';
import { Rewriter } from './rewriter.ts';

export default definePlugin({
  name: 'rewriting',
  stateless: true,
  register(server) {
    const rewriter = new Rewriter(server);
    server.on('expand', ({ recipient, into, steps }) => rewriter.step(recipient, into, steps));
    const copies = new Copies(server);
    if (copies.wanted) server.on('queue', ({ connection, transaction }) => copies.queue(transaction, connection));
  },
});
