// Given to Haraka's process by --require: its plugins ask the name server of the test.
const dns = require('node:dns');

const servers = process.env.TEST_NAMESERVERS.split(',');
for (const module of [dns, dns.promises]) {
  module.setServers(servers);
  module.Resolver = class extends module.Resolver {
    constructor(options) {
      super(options);
      this.setServers(servers);
    }
  };
}
