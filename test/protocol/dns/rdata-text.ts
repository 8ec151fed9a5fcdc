/** Record data for tests, written as in a zone file. */
import { Tokens } from '../../../src/protocol/dns/presentation.ts';
import { parseRdata } from '../../../src/protocol/dns/rr/rdata.ts';

/** The data of one record, from one line of a zone file: `10 mail.baidu.com.` */
export function rdataFromText(type: number, text: string): Buffer {
  const tokens = [...text.matchAll(/"((?:\\.|[^"\\])*)"|((?:\\.|[^\s"\\])+)/gs)].map(([, quoted, bare]) =>
    quoted === undefined ? { text: bare ?? '', quoted: false } : { text: quoted, quoted: true },
  );
  return parseRdata(type, new Tokens(tokens, '.'));
}
