/**
 * The certificates in use, across reloads. A server without mail has none; a reload that adds mail opens the first
 * ones, and later reloads read their files again without closing a port.
 */
import type { Clock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import { messageOf } from '../errors.ts';
import type { Validity } from '../net/tls.ts';
import type { Cluster } from '../store/cluster.ts';
import {
  certificateWarnings,
  type Identities,
  makeCertificates,
  openIdentities,
  prepareRenewal,
  type Renewal,
  validityOf,
} from './identity.ts';
import type { Privileges } from './privileges.ts';
import { rememberFiles } from './vanished-files.ts';

export const hasMail = ({ services, dovecot }: Configuration): boolean => services.length > 0 || dovecot !== null;

export class Certificates {
  readonly #clock: Clock;
  readonly #cluster: Cluster | null;
  #identities: Identities | null;

  private constructor(identities: Identities | null, clock: Clock, cluster: Cluster | null) {
    this.#identities = identities;
    this.#clock = clock;
    this.#cluster = cluster;
  }

  /**
   * Creates missing certificates as the owner, and reads keys with the process's current rights; returns a note for
   * each one created.
   */
  static async open(
    configuration: Configuration,
    { asOwner }: Pick<Privileges, 'asOwner'>,
    clock: Clock,
    cluster: Cluster | null,
  ): Promise<{ readonly certificates: Certificates; readonly notes: readonly string[] }> {
    if (!hasMail(configuration)) return { certificates: new Certificates(null, clock, cluster), notes: [] };
    const { sources, notes } = await asOwner(() => makeCertificates(configuration, cluster));
    return { certificates: new Certificates(await openIdentities(sources), clock, cluster), notes };
  }

  /** Null if no configuration so far had mail. */
  get identities(): Identities | null {
    return this.#identities;
  }

  /** Reads those of another configuration; the ones in use do not change until `commit`. */
  async prepare(
    configuration: Configuration,
  ): Promise<Omit<Renewal, 'identities'> & { readonly identities: Identities | null }> {
    const current = this.#identities;
    if (!hasMail(configuration)) return { identities: current, commit: () => {}, notes: [] };
    const { sources, notes: made } = await makeCertificates(configuration, this.#cluster);
    const { identities, commit, notes } =
      current === null
        ? { identities: await openIdentities(sources), commit: () => {}, notes: [] }
        : await prepareRenewal(current, sources);
    return {
      identities,
      commit: () => {
        commit();
        this.#identities = identities;
      },
      notes: [...made, ...notes],
    };
  }

  /**
   * Remembers that the configured files are in use (vanished-files.ts). A failure is only a note: it costs that
   * protection, nothing more.
   */
  remember(configuration: Configuration): string[] {
    if (this.#identities === null) return [];
    try {
      rememberFiles(configuration);
      return [];
    } catch (error) {
      return [`the list of certificate files in use could not be written: ${messageOf(error)}`];
    }
  }

  /** Of all certificates in use, each file once. */
  get validity(): readonly Validity[] {
    return this.#identities === null ? [] : validityOf(this.#identities);
  }

  /** Certificates that will expire soon or no longer cover a site; one line each. */
  warnings(configuration: Configuration): string[] {
    return this.#identities === null ? [] : certificateWarnings(this.#identities, configuration, this.#clock());
  }
}
