/**
 * Postfix's access control as a plugin (requirements P6, P7): the lists `smtpd_*_restrictions`, their
 * words, and access tables. Other plugins add words with `house.defineRestriction`.
 */
import { definePlugin } from '../../src/bus/plugin.ts';
import { Stages } from './stages.ts';
import { restrictionTable } from './table.ts';

/** A permission is an OK, which ends the asking: whoever else has something to say about a recipient says it before. */
const LAST = { priority: 100 };

export default definePlugin({
  name: 'restrictions',
  register(house) {
    for (const [name, restriction] of Object.entries(restrictionTable(house))) house.defineRestriction(name, restriction);
    const stages = new Stages(house);
    house.on('connect', (argument) => stages.connect(argument));
    house.on('helo', (argument) => stages.helo(argument));
    house.on('mail', (argument) => stages.mail(argument));
    house.on('rcpt', (argument) => stages.rcpt(argument), LAST);
    house.on('data', (argument) => stages.data(argument));
    house.on('data_post', (argument) => stages.endOfData(argument));
    house.on('etrn', (argument) => stages.etrn(argument));
    house.on('vrfy', (argument) => stages.vrfy(argument), LAST);
  },
});
