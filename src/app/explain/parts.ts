/** What an explanation asks. */
import type { Directory } from '../../store/directory.ts';
import type { Foundation } from '../foundation.ts';

export interface ExplainParts {
  readonly foundation: Pick<Foundation, 'configuration' | 'tables' | 'domains' | 'resolver' | 'relayRules' | 'bus'>;
  readonly directory: Directory;
  readonly clock: () => number;
  readonly temporaryFolder: string;
}

export const QUEUE_ID = 'explain';
