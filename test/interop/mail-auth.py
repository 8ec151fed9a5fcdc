"""Verdicts of dkimpy, pyspf and authheaders on the cases that mail-auth.test.ts gives as JSON; DNS is a table."""

import base64
import json
import sys

import authheaders
import authres
import dkim
import spf


class Table:
    """Records by `TYPE name`, as test/kit/judged.ts has them."""

    def __init__(self, zone):
        self.zone = zone

    def records(self, kind, name):
        name = (name.decode() if isinstance(name, bytes) else str(name)).rstrip('.').lower()
        return self.zone.get(f'{kind} {name}', [])

    def txt(self, name, timeout=5):
        found = self.records('TXT', name)
        return found[0].encode() if isinstance(found, list) and found else None

    def text(self, name, qtype='TXT'):
        found = self.txt(name)
        return None if found is None else found.decode()

    def spf(self, name, qtype, tcpfallback=True, timeout=30):
        key = name.rstrip('.').lower()
        if qtype == 'PTR':
            key = address(key)
        found = self.records(qtype, key)
        if found == 'tempfail':
            raise spf.TempError('DNS no answer')
        if found == 'void':
            return []
        if qtype == 'TXT':
            return [((name, qtype), [text.encode()]) for text in found]
        if qtype == 'MX':
            return [((name, qtype), (int(line.split()[0]), line.split()[1])) for line in found]
        return [((name, qtype), text) for text in found]


def address(name):
    labels = name.split('.')[:-2][::-1]
    if len(labels) == 4:
        return '.'.join(labels)
    digits = ''.join(labels)
    return ':'.join(digits[at : at + 4] for at in range(0, 32, 4))


def judge_dkim(case):
    message = base64.b64decode(case['message'])
    table = Table(case['zone'])
    verdicts = []
    for index in range(case['signatures']):
        try:
            verdicts.append(bool(dkim.DKIM(message, minkey=1024).verify(idx=index, dnsfunc=table.txt)))
        except (dkim.DKIMException, ValueError, TypeError):
            verdicts.append(False)
    return verdicts


def judge_spf(case):
    spf.DNSLookup = Table(case['zone']).spf
    return spf.check2(i=case['ip'], s=case['sender'], h=case['helo'], timeout=20)[0]


def judge_dmarc(case):
    found = authres.SPFAuthenticationResult(result='pass', smtp_mailfrom='a@' + case['spf'])
    result, _, _, policy = authheaders.dmarc_per_from(case['from'], found, None, Table(case['zone']).text)
    return [result, policy]


JUDGES = {'dkim': judge_dkim, 'spf': judge_spf, 'dmarc': judge_dmarc}
json.dump([JUDGES[case['kind']](case) for case in json.load(sys.stdin)], sys.stdout)
