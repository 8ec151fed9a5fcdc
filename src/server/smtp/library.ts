/** The classes of `smtp-server` that this folder extends. */
import { loadMailLibrary } from '../../net/mail-library.ts';

export const { SMTPServer } = loadMailLibrary('smtp-server') as typeof import('smtp-server');
export const { SMTPConnection } = loadMailLibrary('smtp-server/lib/smtp-connection.js') as typeof import('smtp-server/lib/smtp-connection.js');
export const { SMTPStream } = loadMailLibrary('smtp-server/lib/smtp-stream.js') as typeof import('smtp-server/lib/smtp-stream.js');
