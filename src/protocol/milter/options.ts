/** What MTA and milter agree on when they meet (libmilter/mfdef.h, SMFIC_OPTNEG). */

/** SMFIP_: steps that a milter does not want (`no`), and steps that it does not answer (`silent`). */
export const STEPS = {
  noConnect: 0x01,
  noHelo: 0x02,
  noMail: 0x04,
  noRcpt: 0x08,
  noBody: 0x10,
  noHeader: 0x20,
  noEndOfHeader: 0x40,
  silentHeader: 0x80,
  noUnknown: 0x100,
  noData: 0x200,
  skip: 0x400,
  rejectedRcpt: 0x800,
  silentConnect: 0x1000,
  silentHelo: 0x2000,
  silentMail: 0x4000,
  silentRcpt: 0x8000,
  silentData: 0x1_0000,
  silentUnknown: 0x2_0000,
  silentEndOfHeader: 0x4_0000,
  silentBody: 0x8_0000,
  leadingSpace: 0x10_0000,
} as const;

export interface Options {
  readonly version: number;
  readonly actions: number;
  readonly steps: number;
}

/** What each version of the protocol knows: SMFIF_, what a milter may do to a message, and SMFIP_. */
const VERSIONS: Readonly<Record<number, Omit<Options, 'version'>>> = {
  2: { actions: 0x3f, steps: 0x7f },
  3: { actions: 0x3f, steps: 0x17f },
  4: { actions: 0x3f, steps: 0x37f },
  6: { actions: 0x1ff, steps: 0x1f_ffff },
};

/** Undefined for a version that we do not speak. */
export function optionsOf(version: number): Options | undefined {
  const known = Object.hasOwn(VERSIONS, version) ? VERSIONS[version] : undefined;
  return known === undefined ? undefined : { version, ...known };
}

export function encodeOptions({ version, actions, steps }: Options): Buffer {
  const data = Buffer.alloc(12);
  data.writeUInt32BE(version);
  data.writeUInt32BE(actions, 4);
  data.writeUInt32BE(steps, 8);
  return data;
}

/** The stages of SMFIR_SETSYMLIST, by their numbers. */
export const SYMBOL_STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'endOfMessage', 'endOfHeader'] as const;
export type SymbolStage = (typeof SYMBOL_STAGES)[number];

export interface Agreement extends Options {
  /** The macros that the milter wants at a stage instead of those that are set. */
  readonly symbols: ReadonlyMap<SymbolStage, readonly string[]>;
}

/** Undefined if it is no answer to an offer. */
export function parseAgreement(data: Buffer): Agreement | undefined {
  if (data.length < 12) return undefined;
  const symbols = new Map<SymbolStage, readonly string[]>();
  for (let at = 12; at < data.length; ) {
    if (data.length < at + 5) return undefined;
    const stage = SYMBOL_STAGES[data.readUInt32BE(at)];
    const end = data.indexOf(0, at + 4);
    if (stage === undefined || end < 0) return undefined;
    symbols.set(
      stage,
      data
        .toString('utf8', at + 4, end)
        .split(/[\s,]+/)
        .filter(Boolean),
    );
    at = end + 1;
  }
  return { version: data.readUInt32BE(0), actions: data.readUInt32BE(4), steps: data.readUInt32BE(8), symbols };
}
