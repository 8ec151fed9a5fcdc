/**
 * What of the library's inside we override or call. When an upgrade of smtp-server changes one of these, this
 * test says which: read the change, adapt src/server/smtp/, then the digests here.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { SMTPConnection, SMTPServer, SMTPStream } from '../../../src/server/smtp/library.ts';

/** Class, method, and why we care. */
const TOUCHED = [
  [SMTPServer, 'updateSecureContext', 'overridden: no built-in certificate'],
  [SMTPServer, '_resolveSNI', 'overridden: certificates come from net/tls'],
  [SMTPConnection, 'init', 'overridden: no delay before the greeting'],
  [SMTPConnection, '_setListeners', 'called: socket listeners, idle timeout, pipe into the parser'],
  [SMTPConnection, '_createParser', 'overridden: called by the constructor and by upgrade'],
  [SMTPConnection, '_onCommand', 'overridden: the dialog is ours'],
  [SMTPConnection, 'send', 'overridden: called by the library’s own exits'],
  [SMTPConnection, 'close', 'extended: half-close deadline, retired parser'],
  [SMTPConnection, 'upgrade', 'extended: STARTTLS'],
  [SMTPConnection, '_onTimeout', 'overridden'],
  [SMTPConnection, '_armTimeout', 'called'],
  [SMTPConnection, '_whenWritable', 'called: a client that does not read makes us wait'],
  [SMTPConnection, '_onError', 'overridden'],
  [SMTPConnection, '_onClose', 'extended'],
  [SMTPConnection, '_onCloseEvent', 'calls _onClose'],
  [SMTPStream, '_write', 'overridden: lines and bodies'],
  [SMTPStream, '_flushData', 'overridden: called at finish'],
] as const;

const DIGESTS: Readonly<Record<string, string>> = {
  'SMTPConnection._armTimeout': '7d488d183a7b',
  'SMTPConnection._createParser': '64259b0d8686',
  'SMTPConnection._onClose': '097b8d221da5',
  'SMTPConnection._onCloseEvent': '66ef4e7f2f72',
  'SMTPConnection._onCommand': '41c8a1b7a32a',
  'SMTPConnection._onError': 'ddcc47e46ea9',
  'SMTPConnection._onTimeout': 'f21be62dd64b',
  'SMTPConnection._setListeners': 'cf07ab6f47db',
  'SMTPConnection._whenWritable': '4335aceb04b5',
  'SMTPConnection.close': '8b9a23413167',
  'SMTPConnection.init': '1265a7d7ca8f',
  'SMTPConnection.send': 'c33568c0111a',
  'SMTPConnection.upgrade': 'aa814be4a46b',
  'SMTPServer._resolveSNI': '2552460a41b8',
  'SMTPServer.updateSecureContext': 'aab88fea56ed',
  'SMTPStream._flushData': '84553453dd02',
  'SMTPStream._write': 'a72635ce53e2',
};

const source = (owner: { readonly prototype: object }, method: string): string => {
  const value: unknown = Object.getOwnPropertyDescriptor(owner.prototype, method)?.value;
  return typeof value === 'function' ? value.toString() : 'gone';
};

describe('the insides of smtp-server that we build on', () => {
  it('is the version that was read', () => {
    const manifest: unknown = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('smtp-server/package.json'), 'utf8'));
    expect(manifest).toMatchObject({ version: '3.21.6' });
  });

  it.each(TOUCHED.map(([owner, method, why]) => [`${owner.name}.${method}`, why, owner, method] as const))(
    '%s is as we know it (%s)',
    (name, _why, owner, method) => {
      expect({ [name]: hash('sha256', source(owner, method)).slice(0, 12) }).toEqual({ [name]: DIGESTS[name] });
    },
  );
});
