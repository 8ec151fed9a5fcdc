/** What a replay reads from Received fields. */
import { expect, it } from 'vitest';
import { receivedFrom } from '../../src/app/replay/received.ts';

it('G16: the client of a Received field is read as Postfix writes it', () => {
  const value =
    'from laptop (unknown [IPv6:2001:db8::7])\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\t(No client certificate requested)\t(Authenticated sender: maomao)\tby mail.example.org (Postfix) with UTF8SMTPSA id 4bQz1x2yZz\tfor <xixi@example.org>; Fri, 27 Nov 2026 10:00:00 +0000';
  expect(receivedFrom(value)).toEqual({
    helo: 'laptop',
    name: 'unknown',
    ip: '2001:db8::7',
    protocol: 'ESMTP',
    tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 },
    login: 'maomao',
    queueId: '4bQz1x2yZz',
  });
  expect(receivedFrom('from [10.0.0.1] (a.example [10.0.0.1]) by b (Postfix) with LMTP id A; x')).toMatchObject({
    helo: '[10.0.0.1]',
    name: 'a.example',
    protocol: 'LMTP',
    tls: null,
    login: null,
  });
});

it.each([
  'by mail.example.org (Postfix, from userid 1000) id 4bQz1x; Fri, 27 Nov 2026 10:00:00 +0000',
  'from a (b [300.1.1.1]) by c; x',
  'from mx.example by relay.example with SMTP; x',
  '',
])('G16: "%s" names no client', (value) => expect(receivedFrom(value)).toBeNull());
