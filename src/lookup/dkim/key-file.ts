/** A private key in a file that only its owner reads. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { messageOf } from '../../errors.ts';
import { keyFault } from '../../protocol/dkim/key.ts';

/** A PEM file of an RSA key with 16384 bits has 13 kB. */
const LONGEST = 32 * 1024;

/** Rejects with an Error that names the file and says what to do; what the file contains is in no message. */
export async function readKeyFile(path: string): Promise<KeyObject> {
  const file = await open(path, constants.O_RDONLY);
  try {
    const { mode, size } = await file.stat();
    // A group may read it (OpenDKIM's RequireSafeKeys lets that of its own user).
    if ((mode & 0o007) !== 0) throw new Error(`${path} can be read or written by everybody: chmod 600 ${path}`);
    if (size > LONGEST) throw new Error(`${path} has ${size} octets; expected is one private key in PEM`);
    return parsedKey(await file.readFile('latin1'), path);
  } finally {
    await file.close();
  }
}

function parsedKey(text: string, path: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (error) {
    throw new Error(`${path}: expected is a private key in PEM without a pass phrase (${messageOf(error)})`);
  }
  const fault = keyFault(key);
  if (fault !== null) throw new Error(`${path}: ${fault}`);
  return key;
}
