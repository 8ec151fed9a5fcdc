/**
 * The replies of our SMTP server unless a policy supplies one: in the words of Postfix 3.7, taken from its dialogs.
 * Replies that contain a host, an address or a count are functions.
 */
import { unquoted } from '../../mail/address.ts';
import { type Reply, reply } from '../../mail/status.ts';

export const OK = reply(250, '2.0.0', 'Ok');
export const SENDER_OK = reply(250, '2.1.0', 'Ok');
export const RECIPIENT_OK = reply(250, '2.1.5', 'Ok');
export const BYE = reply(221, '2.0.0', 'Bye');
export const START_DATA = reply(354, '', 'End data with <CR><LF>.<CR><LF>');
export const START_TLS = reply(220, '2.0.0', 'Ready to start TLS');
export const QUEUING_STARTED = reply(250, '', 'Queuing started');
export const AUTHENTICATED = reply(235, '2.7.0', 'Authentication successful');
export const FORBIDDEN_COMMAND = reply(221, '2.7.0', 'Error: I can break rules, too. Goodbye.');

export const BAD_SYNTAX = reply(500, '5.5.2', 'Error: bad syntax');
export const BAD_UTF8 = reply(500, '5.5.2', 'Error: bad UTF-8 syntax');
export const LINE_TOO_LONG = reply(500, '5.5.2', 'Error: line too long');
export const UNRECOGNIZED = reply(500, '5.5.2', 'Error: command not recognized');
/** smtpd_forbid_unauth_pipelining */
export const OUT_OF_STEP = reply(554, '5.5.0', 'Error: SMTP protocol synchronization');
export const NOT_IMPLEMENTED = reply(502, '5.5.1', 'Error: command not implemented');
/** A 521, which closes: what follows may be a message. */
export const BDAT_NOT_IMPLEMENTED = reply(521, '5.5.1', 'Error: command not implemented');
export const INSUFFICIENT_AUTHORIZATION = reply(550, '5.7.0', 'Error: insufficient authorization');
export const VRFY_DISABLED = reply(502, '5.5.1', 'VRFY command is disabled');

export const HELO_FIRST = reply(503, '5.5.1', 'Error: send HELO/EHLO first');
export const VERP_WITHOUT_SENDER = reply(503, '5.5.4', 'Error: XVERP requires non-null sender');
export const NESTED_MAIL = reply(503, '5.5.1', 'Error: nested MAIL command');
export const NEED_MAIL = reply(503, '5.5.1', 'Error: need MAIL command');
export const NEED_RECIPIENT = reply(503, '5.5.1', 'Error: need RCPT command');
export const NO_VALID_RECIPIENTS = reply(554, '5.5.1', 'Error: no valid recipients');
/** LMTP (RFC 2033 section 4.2), in Dovecot's words. */
export const NO_VALID_LMTP_RECIPIENTS = reply(503, '5.5.0', 'No valid recipients');
export const IN_TRANSACTION = reply(503, '5.5.1', 'Error: MAIL transaction in progress');
export const TLS_ACTIVE = reply(554, '5.5.1', 'Error: TLS already active');
export const TLS_REQUIRED = reply(530, '5.7.0', 'Must issue a STARTTLS command first');
export const AUTH_DISABLED = reply(503, '5.5.1', 'Error: authentication not enabled');
export const AUTH_TWICE = reply(503, '5.5.1', 'Error: already authenticated');
export const AUTH_ABORTED = reply(501, '5.7.0', 'Authentication aborted');
export const RESPONSE_TOO_LONG = reply(500, '5.5.6', 'SASL response limit exceeded');
export const AUTH_NEEDS_TLS = reply(538, '5.7.0', 'Encryption required for requested authentication mechanism');
export const AUTH_UNAVAILABLE = reply(
  454,
  '4.7.0',
  'Temporary authentication failure: Connection lost to authentication server',
);

export const BAD_SENDER = reply(501, '5.1.7', 'Bad sender address syntax');
export const BAD_RECIPIENT = reply(501, '5.1.3', 'Bad recipient address syntax');
export const UTF8_UNDECLARED = reply(553, '5.6.7', 'Must declare SMTPUTF8 to send unicode address');
export const TOO_MANY_RECIPIENTS = reply(452, '4.5.3', 'Error: too many recipients');
export const SIZE_EXCEEDED = reply(552, '5.3.4', 'Message size exceeds fixed limit');
export const SIZE_OVERFLOW = reply(552, '5.3.4', 'Message size exceeds file system imposed limit');
export const MESSAGE_TOO_BIG = reply(552, '5.3.4', 'Error: message file too big');
export const CHUNK_TOO_BIG = reply(552, '5.3.4', 'Chunk exceeds message size limit');
export const NULL_CHUNK = reply(551, '5.7.1', 'Null BDAT request');
export const BDAT_SYNTAX = reply(521, '5.5.4', 'Syntax: BDAT count [LAST]');
export const INTERNAL_ERROR = reply(451, '4.3.0', 'Error: queue file write error');
export const LOOKUP_FAILURE = reply(451, '4.3.0', 'Temporary lookup failure');
/** `address`: as the client wrote it. */
export const lookupFailure = (address: string): Reply =>
  reply(451, '4.3.0', `<${unquoted(address)}>: Temporary lookup failure`);
/** Something of ours fails for now: no error of the client. */
export const isOwnFault = ({ code, enhanced }: Reply): boolean => code === 451 && enhanced === '4.3.0';

/** `501 5.5.4 Syntax: MAIL FROM:<address>` */
export const syntax = (usage: string): Reply => reply(501, '5.5.4', `Syntax: ${usage}`);
export const unsupportedOption = (option: string): Reply => reply(555, '5.5.4', `Unsupported option: ${option}`);
export const afterBdat = (verb: string): Reply => reply(503, '5.5.1', `Error: ${verb} after BDAT`);
export const chunkTaken = (octets: number): Reply => reply(250, '2.0.0', `Ok: ${octets} bytes`);
export const chunkDiscarded = (octets: number): Reply =>
  reply(551, '5.0.0', `Discarded ${octets} bytes after earlier error`);
export const authenticationFailed = (reason: string): Reply =>
  reply(535, '5.7.8', `Error: authentication failed: ${reason}`);

export const timeoutExceeded = (host: string): Reply => reply(421, '4.4.2', `${host} Error: timeout exceeded`);
export const tooManyErrors = (host: string): Reply => reply(421, '4.7.0', `${host} Error: too many errors`);
export const tooManyConnections = (host: string, client: string): Reply =>
  reply(421, '4.7.0', `${host} Error: too many connections from ${client}`);
/** `code`: smtpd_forbid_bare_newline_reject_code. */
export const bareLf = (code: number, host: string): Reply =>
  reply(code, code < 500 ? '4.5.2' : '5.5.2', `${host} Error: bare <LF> received`);
export const shuttingDown = (host: string): Reply =>
  reply(421, '4.3.2', `${host} Service shutting down and closing transmission channel`);
/** An administrator removed or disabled the account logged in; `why` is a sentence without its full stop. */
export const accountEnded = (host: string, why: string): Reply =>
  reply(421, '4.7.0', `${host} Error: ${why.toLowerCase()}`);
/** smtpd_tls_req_ccert */
export const certificateRefused = (host: string, fault: string): Reply =>
  reply(421, '4.7.1', `${host} Error: ${fault}`);
export const unavailable = (host: string): Reply => reply(421, '4.3.0', `${host} Server local data error`);
export const accessDenied = (client: string): Reply => reply(503, '5.7.0', `Error: access denied for ${client}`);
/** LMTP, in Dovecot's words. */
export const noSuchUser = (address: string): Reply =>
  reply(550, '5.1.1', `<${unquoted(address)}> User doesn't exist: ${unquoted(address)}`);
export const relayDenied = (code: number, address: string): Reply =>
  reply(code, code < 500 ? '4.7.1' : '5.7.1', `<${unquoted(address)}>: Relay access denied`);
