/** The folder of the plugins that come with the server. */
import { fileURLToPath } from 'node:url';

export const BUILT_IN_PLUGINS = fileURLToPath(new URL('../../plugins', import.meta.url));
