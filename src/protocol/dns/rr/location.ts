/** LOC data: degrees, minutes, seconds, metres (RFC 1876). */

import { near, PresentationError, type Tokens } from '../presentation.ts';
import { WireError, WireReader } from '../wire.ts';
import { type Field, printUnknown } from './field.ts';

const EQUATOR = 2 ** 31;
/** Altitudes are relative to 100 km below the reference spheroid; in centimetres. */
const BELOW = 10_000_000;

function angle(tokens: Tokens, maxDegrees: number, plus: string, minus: string): number {
  const expected = `degrees [minutes [seconds]] ${plus} or ${minus}`;
  const parts: number[] = [];
  const limits = [maxDegrees, 59, 59.999];
  for (;;) {
    const token = tokens.next(expected);
    const side = token.text.toUpperCase();
    if (side === plus || side === minus) {
      const [degrees, minutes = 0, seconds = 0] = parts;
      if (degrees === undefined) throw near(token, 'no degrees', expected);
      const thousandths = Math.round((degrees * 3600 + minutes * 60 + seconds) * 1000);
      if (thousandths > maxDegrees * 3_600_000) throw near(token, 'out of range', expected);
      return side === plus ? EQUATOR + thousandths : EQUATOR - thousandths;
    }
    const value = /^[0-9]+(?:\.[0-9]{1,3})?$/.test(token.text) ? Number(token.text) : Number.NaN;
    const limit = limits[parts.length];
    if (limit === undefined || Number.isNaN(value) || value > limit || (parts.length < 2 && token.text.includes('.')))
      throw near(token, 'out of range', expected);
    parts.push(value);
  }
}

function metres(text: string): number {
  if (!/^-?[0-9]{1,8}(?:\.[0-9]{1,2})?m?$/i.test(text))
    throw new PresentationError(`near '${text.slice(0, 40)}': not a valid length, expected metres such as 10m`);
  return Math.round(Number.parseFloat(text) * 100);
}

/** Centimetres as one digit and a power of ten in one octet. */
function precision(tokens: Tokens, standard: number): number {
  const centimetres = tokens.atEnd ? standard : metres(tokens.next('metres').text);
  if (centimetres < 0 || centimetres > 9e9) throw new PresentationError('out of range: a size of at most 90000000m');
  let mantissa = centimetres;
  let exponent = 0;
  while (mantissa >= 10) {
    mantissa = Math.floor(mantissa / 10);
    exponent += 1;
  }
  return (mantissa << 4) | exponent;
}

const printPrecision = (value: number): string => {
  const centimetres = (value >> 4) * 10 ** (value & 15);
  return centimetres % 100 === 0 ? `${centimetres / 100}m` : `${(centimetres / 100).toFixed(2)}m`;
};

function printAngle(value: number, plus: string, minus: string): string {
  const thousandths = Math.abs(value - EQUATOR);
  const seconds = (thousandths % 60_000) / 1000;
  return `${Math.floor(thousandths / 3_600_000)} ${Math.floor(thousandths / 60_000) % 60} ${seconds.toFixed(3)} ${value >= EQUATOR ? plus : minus}`;
}

export const location: Field = {
  parse(tokens, out) {
    const latitude = angle(tokens, 90, 'N', 'S');
    const longitude = angle(tokens, 180, 'E', 'W');
    const altitude = metres(tokens.next('an altitude in metres').text) + BELOW;
    if (altitude < 0 || altitude > 0xffffffff)
      throw new PresentationError('out of range: an altitude from -100000m to 42849672.95m');
    out.bytes([0, precision(tokens, 100), precision(tokens, 1_000_000), precision(tokens, 1000)]);
    for (const value of [latitude, longitude, altitude]) out.u32(value);
  },
  print(data) {
    const start = data.offset;
    const version = data.u8();
    if (version !== 0) {
      data.rest();
      return printUnknown(data.octets.subarray(start, data.offset));
    }
    const [size, horizontal, vertical] = [data.u8(), data.u8(), data.u8()].map(printPrecision);
    const latitude = printAngle(data.u32(), 'N', 'S');
    const longitude = printAngle(data.u32(), 'E', 'W');
    const altitude = ((data.u32() - BELOW) / 100).toFixed(2);
    return `${latitude} ${longitude} ${altitude}m ${size} ${horizontal} ${vertical}`;
  },
  copy(message, out) {
    const version = message.u8();
    // Data of an unknown version is kept unchanged (as in BIND).
    const octets = Uint8Array.from([version, ...(version === 0 ? message.bytes(15) : message.rest())]);
    if (version !== 0) {
      out.bytes(octets);
      return;
    }
    if (octets.subarray(1, 4).some((octet) => octet >> 4 > 9 || (octet & 15) > 9))
      throw new WireError('a bad LOC precision');
    const data = new WireReader(octets, 4);
    for (const degrees of [90, 180])
      if (Math.abs(data.u32() - EQUATOR) > degrees * 3_600_000) throw new WireError('LOC out of range');
    out.bytes(octets);
  },
};
