/**
 * Postfix's access control as a plugin (requirements P6, P7): the lists `smtpd_*_restrictions`, their words, and access
 * tables. Other plugins add words with `server.defineRestriction`.
 */
import { definePlugin } from '../../src/bus/plugin.ts';
import { Stages } from './stages.ts';
import { restrictionTable } from './table.ts';

/** A permit is an OK, which ends the hook, so plugins with an opinion on a recipient must be called before. */
const LAST = { priority: 100 };

export default definePlugin({
  name: 'restrictions',
  stateless: true,
  register(server) {
    for (const [name, restriction] of Object.entries(restrictionTable(server)))
      server.defineRestriction(name, restriction);
    const stages = new Stages(server);
    server.on('connect', (argument) => stages.connect(argument));
    server.on('helo', (argument) => stages.helo(argument));
    server.on('mail', (argument) => stages.mail(argument));
    server.on('rcpt', (argument) => stages.rcpt(argument), LAST);
    server.on('data', (argument) => stages.data(argument), {
      when: (connection) => stages.hasList(connection, 'smtpd_data_restrictions'),
    });
    server.on('data_post', (argument) => stages.endOfData(argument), {
      when: (connection) => stages.hasList(connection, 'smtpd_end_of_data_restrictions'),
    });
    server.on('etrn', (argument) => stages.etrn(argument));
    server.on('vrfy', (argument) => stages.vrfy(argument), LAST);
  },
});
