/** Posthorn's own parameters, which Postfix does not have. Postfix ignores them with a warning. */
import { choice, interfaces, type Rows } from './row.ts';

export const posthornParameters = {
  http_interfaces: interfaces(
    '$inet_interfaces',
    'Where the folder `www` is served over HTTPS, a folder for each host name.',
  ),
  unsupported_parameters: choice(
    ['refuse', 'warn'],
    'refuse',
    'What a start does where a parameter is set that guards something and is not supported yet: `warn` reports it and starts.',
  ),
} satisfies Rows;
