/** A process that creates a certificate (certificate.ts): host names as arguments, PEM texts as JSON on stdout. */
import { makeCertificate } from './certificate.ts';

// The image build imports every module to compile it; that must not create a key.
if (import.meta.main) process.stdout.write(JSON.stringify(await makeCertificate(process.argv.slice(2))));
