/** The process that makes a certificate (certificate.ts): host names are its arguments, PEM texts its answer. */
import { makeCertificate } from './certificate.ts';

// The image's build imports every module to compile it: no key is made for that.
if (import.meta.main) process.stdout.write(JSON.stringify(await makeCertificate(process.argv.slice(2))));
