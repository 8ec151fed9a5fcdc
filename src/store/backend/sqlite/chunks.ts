/**
 * How a content's octets are stored: chunk `n` (CHUNK_SIZE octets, the last one may be shorter) has the id
 * `content * CHUNK_IDS + n`.
 */
import { CHUNK_SIZE } from '../../content.ts';

export const CHUNK_IDS = 4096;

/** The longest message the layout can hold: 1 GiB. */
export const MAX_CONTENT = CHUNK_IDS * CHUNK_SIZE;
