/**
 * The classes of `smtp-server`, in its CommonJS form. As ES modules they would bring node:http with all
 * its names (nodemailer's logger lies beside its fetch), and with them Node's own fetch: 4 MB that no
 * mail server needs.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const { SMTPServer } = require('smtp-server') as typeof import('smtp-server');
export const { SMTPConnection } = require('smtp-server/lib/smtp-connection.js') as typeof import('smtp-server/lib/smtp-connection.js');
export const { SMTPStream } = require('smtp-server/lib/smtp-stream.js') as typeof import('smtp-server/lib/smtp-stream.js');
