/**
 * Certificates and terms for handshakes with other servers, one context for all sessions under equal terms: with the
 * system's authorities a context takes many milliseconds to make.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import type { KeyPair } from '../../net/certificate-files.ts';
import { termsOf } from '../../protocol/tls/terms.ts';
import type { TlsPolicy } from './tls-policy.ts';

export interface ClientTlsFiles {
  /** PEM: authorities, and the certificates that are trusted instead of them if there are any. */
  readonly trust: { readonly authorities: readonly string[]; readonly anchors: readonly string[] };
  /** What servers are shown that ask; null for nothing. A reload may replace the pairs. */
  readonly identity: { readonly pairs: readonly KeyPair[] } | null;
  /** PEM: those that everybody trusts. */
  publicAuthorities(): readonly string[];
  /** PEM of a policy's tafile. Throws if it cannot be used. */
  readAnchors(path: string): readonly string[];
}

/** Different policies in use at one time. */
const MOST_KEPT = 100;

export class ClientContexts {
  readonly #files: ClientTlsFiles;
  readonly #kept = new Map<string, { readonly context: SecureContext; readonly pairs: readonly KeyPair[] }>();

  constructor(files: ClientTlsFiles) {
    this.#files = files;
  }

  /** Throws if the terms, or a file that they name, cannot be used. */
  of({ words, anchorFiles, isPublic }: Pick<TlsPolicy, 'words' | 'anchorFiles' | 'isPublic'>): SecureContext {
    const pairs = this.#files.identity?.pairs ?? NO_PAIRS;
    const key = JSON.stringify([words, anchorFiles, isPublic]);
    const kept = this.#kept.get(key);
    if (kept?.pairs === pairs) return kept.context;
    const trust = isPublic ? { authorities: this.#files.publicAuthorities(), anchors: [] } : this.#files.trust;
    const anchors =
      anchorFiles.length > 0 ? anchorFiles.flatMap((path) => this.#files.readAnchors(path)) : trust.anchors;
    const context = createSecureContext({
      ...termsOf(words),
      ca: [...(anchors.length > 0 ? anchors : trust.authorities)],
      // An anchor may be a certificate in the middle of a chain.
      allowPartialTrustChain: anchors.length > 0,
      cert: pairs.map(({ chain }) => chain),
      key: pairs.map(({ key: secret }) => secret),
    });
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(key, { context, pairs });
    return context;
  }
}

const NO_PAIRS: readonly KeyPair[] = [];
