"""poplib against the house, after STLS and in TLS from the start."""
import imaplib
import os
import poplib
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from given import PASSWORD, PORTS, USERS, context, same, step

USER = USERS[5]


def mailbox():
    imap = imaplib.IMAP4_SSL("localhost", PORTS[993], ssl_context=context(), timeout=20)
    imap.login(USER, PASSWORD)
    return imap


def refused(work):
    try:
        work()
    except poplib.error_proto as error:
        return error.args[0] if isinstance(error.args[0], bytes) else str(error.args[0]).encode()
    raise AssertionError("not refused")


LETTERS = [f"From: a@far.example\r\nSubject: letter {n}\r\n\r\n.\r\n..two\r\n{'text ' * 20}\r\nlast {n}\r\n".encode() for n in range(1, 5)]


def stls():
    pop = poplib.POP3("localhost", PORTS[110], timeout=20)
    assert "STLS" in pop.capa(), pop.capa()
    pop.stls(context())
    return pop


def day(connect):
    imap = mailbox()
    for text in LETTERS:
        same(imap.append("INBOX", None, None, text)[0], "OK")
    imap.logout()

    pop = connect()
    capabilities = pop.capa()
    for name in ("TOP", "UIDL", "USER", "RESP-CODES", "PIPELINING", "SASL"):
        assert name in capabilities, (name, capabilities)
    assert "STLS" not in capabilities, "STLS under TLS"
    pop.user(USER)
    pop.pass_(PASSWORD)
    step("login")
    same(pop.stat(), (4, sum(map(len, LETTERS))))
    same(pop.list()[1], [f"{n} {len(text)}".encode() for n, text in enumerate(LETTERS, 1)])
    same(pop.list(2), f"+OK 2 {len(LETTERS[1])}".encode())
    step("stat")
    for n, text in enumerate(LETTERS, 1):
        same(b"".join(line + b"\r\n" for line in pop.retr(n)[1]), text)
    step("retr")
    same(pop.top(1, 2)[1], [b"From: a@far.example", b"Subject: letter 1", b"", b".", b"..two"])
    same(pop.top(1, 0)[1], [b"From: a@far.example", b"Subject: letter 1", b""])
    step("top")
    names = [line.split()[1] for line in pop.uidl()[1]]
    same(len(set(names)), 4)
    same(pop.uidl(3).split()[2], names[2])
    step("uidl")
    pop.dele(1)
    same(pop.stat()[0], 3)
    assert refused(lambda: pop.retr(1)).startswith(b"-ERR")
    pop.rset()
    same(pop.stat()[0], 4)
    step("rset")
    pop.dele(2)
    pop.dele(4)
    step("dele")
    # Deletions are made at QUIT, and only then (RFC 1939 section 6).
    imap = mailbox()
    imap.select("INBOX")
    same(imap.search(None, "ALL")[1], [b"1 2 3 4"])
    other = connect()
    other.user(USER)
    try:
        other.pass_(PASSWORD)
        same(other.stat()[0], 4)
        other.close()
    except poplib.error_proto as error:
        assert b"[IN-USE]" in error.args[0], error
    step("locked")
    # What QUIT deleted is gone when it answers: another session's next command sees it.
    pop.quit()
    imap.noop()
    same(imap.search(None, "ALL")[1], [b"1 2"])
    pop = connect()
    pop.user(USER)
    pop.pass_(PASSWORD)
    same([line.split()[1] for line in pop.uidl()[1]], [names[0], names[2]])
    for n in (1, 2):
        pop.dele(n)
    pop.quit()
    imap.logout()
    step("gone")
    pop = connect()
    assert refused(lambda: pop.stat()).startswith(b"-ERR")
    pop.user(USER)
    assert refused(lambda: pop.pass_("wrong")).startswith(b"-ERR [AUTH]")
    pop.user(USER)
    pop.pass_(PASSWORD)
    same(pop.stat(), (0, 0))
    assert refused(lambda: pop.retr(1)).startswith(b"-ERR")
    assert refused(lambda: pop.dele(99)).startswith(b"-ERR")
    assert pop.noop().startswith(b"+OK")
    step("refusals")
    pop.quit()
    pop = connect()
    if "UTF8" in pop.capa():
        pop.utf8()
    pop.close()
    step("utf8")


day(stls)
day(lambda: poplib.POP3_SSL("localhost", PORTS[995], context=context(), timeout=20))
