/** Parameters of Posthorn's own: for what Postfix has no word. Postfix itself passes them over with a warning. */
import { interfaces, type Rows } from './row.ts';

export const posthornParameters: Rows = {
  http_interfaces: interfaces('$inet_interfaces', 'Where the folder `www` is served over HTTPS, a folder for each host name.'),
};
