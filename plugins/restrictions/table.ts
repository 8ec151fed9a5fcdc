/** Every restriction of this plugin by its name: one row each, in files by subject. */
import type { Restriction, Server } from '../../src/bus/plugin.ts';
import { accessRestrictions } from './access.ts';
import { addressRestrictions } from './address.ts';
import { clientRestrictions } from './client.ts';
import { genericRestrictions } from './generic.ts';
import { heloRestrictions } from './helo.ts';
import { loginRestrictions } from './login.ts';
import { policyRestrictions } from './policy.ts';
import { relayRestrictions } from './relay.ts';
import { serverAccessRestrictions } from './server-access.ts';

const SUBJECTS: readonly ((server: Server) => Readonly<Record<string, Restriction>>)[] = [
  genericRestrictions,
  clientRestrictions,
  heloRestrictions,
  addressRestrictions,
  loginRestrictions,
  relayRestrictions,
  accessRestrictions,
  serverAccessRestrictions,
  policyRestrictions,
];

export const restrictionTable = (server: Server): Readonly<Record<string, Restriction>> =>
  Object.assign({}, ...SUBJECTS.map((subject) => subject(server)));
