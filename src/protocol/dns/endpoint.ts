/** Where a name server is to be asked or told, over UDP or TCP. */
export interface Endpoint {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}
