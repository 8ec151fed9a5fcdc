/** The compose files of docker/ and the configuration beside them say the same: files, addresses, ports, names. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOT, textOf } from './project.ts';

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: string[] | Readonly<Record<string, { readonly ipv4_address?: string }>>;
  readonly depends_on?: string[] | Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly restart?: string;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

const read = (name: string): Compose => parse(textOf(`docker/${name}`), { merge: true }) as Compose;
const namesOf = (value: string[] | Readonly<Record<string, unknown>> = []): readonly string[] =>
  Array.isArray(value) ? value : Object.keys(value);
const EXPOSED = /^EXPOSE (.*)$/m.exec(textOf('docker/Dockerfile'))?.[1]?.split(' ') ?? [];

describe.each(['compose.yaml', 'compose.mongodb.yaml'])('docker/%s', (name) => {
  const { services, networks = {}, volumes = {} } = read(name);

  it('names files, networks, volumes and services that exist', () => {
    for (const service of Object.values(services)) {
      const files = (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
      for (const file of files)
        expect(file.startsWith('.') ? existsSync(join(ROOT, 'docker', file)) : file in volumes, file).toBe(true);
      for (const network of namesOf(service.networks)) expect(networks).toHaveProperty(network);
      for (const other of namesOf(service.depends_on)) expect(services).toHaveProperty(other);
      const { build } = service;
      if (build !== undefined) expect(existsSync(join(ROOT, 'docker', build.context, build.dockerfile))).toBe(true);
    }
  });

  it('publishes ports that the image exposes', () => {
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(published.length).toBeGreaterThan(0);
    for (const port of published) {
      const [outside, inside = ''] = port.split(':');
      expect(outside).toBe(inside);
      expect(EXPOSED).toContain(inside);
    }
  });
});

describe('docker/compose.mongodb.yaml', () => {
  const { services } = read('compose.mongodb.yaml');
  const ours = Object.entries(services).filter(([, { build }]) => build !== undefined);
  const address = (service: Service | undefined): string | undefined =>
    Array.isArray(service?.networks) ? undefined : service?.networks?.['mail']?.ipv4_address;
  const balancer = textOf('docker/haproxy.cfg');
  const main = textOf('docker/cluster/main.cf');

  it('checks the health of each service that stays, and has the others end by themselves', () => {
    for (const [name, { healthcheck, restart }] of Object.entries(services))
      expect([name, healthcheck === undefined, restart]).toEqual(
        name === 'mongo-init' ? [name, true, 'no'] : [name, false, 'unless-stopped'],
      );
  });

  it('has a balancer that sends each published port to the same port of each Posthorn, with the PROXY header', () => {
    const sections = [...balancer.matchAll(/^listen \S+\n((?: .*\n)+)/gm)].map(([, text = '']) => text);
    const ports = sections.map((text) => {
      const port = /bind :(\d+)$/m.exec(text)?.[1];
      expect([...text.matchAll(/^ {2}server \S+ (\S+):(\d+) /gm)].map(([, ip, to]) => [ip, to])).toEqual(
        ours.map(([, service]) => [address(service), port]),
      );
      return `${port}:${port}`;
    });
    expect(ports.sort()).toEqual([...(services['balancer']?.ports ?? [])].sort());
    expect(balancer).toMatch(/^ {2}default-server send-proxy-v2 /m);
    expect(main).toMatch(/^smtpd_upstream_proxy_protocol = haproxy$/m);
  });

  it('has mailboxes that trust the balancer alone, on each of their ports', () => {
    const dovecot = textOf('docker/cluster/dovecot.conf');
    expect(/^haproxy_trusted_networks = (.*)$/m.exec(dovecot)?.[1]).toBe(address(services['balancer']));
    expect([...dovecot.matchAll(/inet_listener (\w+) \{\n {4}haproxy = yes\n/g)].map(([, name]) => name)).toEqual([
      'imap',
      'imaps',
      'pop3',
      'pop3s',
    ]);
  });

  it('has a store on its three members, under the name of their replica set', () => {
    const [, hosts = '', set] = /^mail_store = mongodb:\/\/([^/]*)\/posthorn\?replicaSet=(.*)$/m.exec(main) ?? [];
    const members = Object.entries(services).filter(([, { command }]) => command?.[0] === 'mongod');
    expect(hosts.split(',')).toEqual(members.map(([name]) => name));
    for (const [, { command = [] }] of members) expect(command[command.indexOf('--replSet') + 1]).toBe(set);
    const script = services['mongo-init']?.command?.at(-1) ?? '';
    for (const name of [set, ...members.map(([member]) => member)]) expect(script).toContain(`'${name}'`);
  });
});
