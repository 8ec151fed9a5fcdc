/** The process that makes a certificate (certificate.ts): host names are its arguments, PEM texts its answer. */
import { makeCertificate } from './certificate.ts';

process.stdout.write(JSON.stringify(await makeCertificate(process.argv.slice(2))));
