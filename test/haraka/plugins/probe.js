// A plugin for Haraka: writes what other plugins found, and takes the message where `probe.ini` says so.
const { appendFileSync } = require('node:fs');
const { join } = require('node:path');

const note = (what) => appendFileSync(join(process.env.HARAKA, 'probe.jsonl'), `${JSON.stringify(what)}\n`);

exports.register = function () {
  this.takes = this.config.get('probe.ini').main.takes === 'yes';
  for (const hook of ['queue', 'queue_outbound']) this.register_hook(hook, 'message', 100);
  this.register_hook('data_post', 'found', 100);
  this.register_hook('reset_transaction', 'over', 100);
  this.register_hook('disconnect', 'gone', 100);
};

exports.found = (next, connection) => {
  note({ at: 'data_post', results: connection.transaction.results.get_all() });
  next();
};

exports.message = function (next, connection) {
  const { message_stream, rcpt_to, mail_from } = connection.transaction;
  message_stream.get_data((data) => {
    note({ at: 'queue', from: mail_from.address, to: rcpt_to.map(({ address }) => address), data: data.toString() });
    next(this.takes ? OK : CONT);
  });
};

exports.over = (next, connection) => {
  if (connection.transaction) note({ at: 'reset', results: connection.transaction.results.get_all() });
  next();
};

exports.gone = (next, connection) => {
  note({ at: 'disconnect', results: connection.results.get_all() });
  next();
};
