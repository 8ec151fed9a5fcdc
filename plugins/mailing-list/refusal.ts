/** Why a post is refused while its sender still hears it. */
import { type Reply, reply } from '../../src/bus/plugin.ts';
import { addressKey } from '../../src/mail/address.ts';
import { addressOf, type List } from './list.ts';
import { isOn, type Members } from './members.ts';
import { authorOf, isAutomatic, type Message } from './message.ts';
import { hasPassed } from './post.ts';

export async function refusalOf(
  list: List,
  message: Message,
  reversePath: string,
  members: Members,
): Promise<Reply | null> {
  const { address, posts } = list;
  if (hasPassed(list, message)) return reply(550, '5.4.6', `This message has been on ${address} before`);
  if (isAutomatic(message, reversePath)) return reply(550, '5.7.1', `${address} takes no automatic mail`);
  const author = authorOf(message)?.address;
  if (author === undefined) return reply(550, '5.6.0', `A post to ${address} needs a From field with one address`);
  if (posts === 'anyone' || list.moderatorKeys.has(addressKey(author))) return null;
  if (posts === 'moderators')
    return reply(550, '5.7.2', `Only moderators post to ${address}; write to ${addressOf(list, 'owner')}`);
  if (isOn(await members.get(list, author))) return null;
  const how = list.subscription === 'open' ? `join at ${addressOf(list, 'subscribe')}, or ` : '';
  return reply(550, '5.7.2', `<${author}> is no member of ${address}; ${how}write to ${addressOf(list, 'owner')}`);
}
