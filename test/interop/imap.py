"""imaplib against the house, after STARTTLS and in TLS from the start."""
import imaplib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from given import PASSWORD, PORTS, USERS, context, same, step


def starttls():
    imap = imaplib.IMAP4("localhost", PORTS[143], timeout=20)
    assert "STARTTLS" in imap.capabilities, imap.capabilities
    imap.starttls(context())
    return imap


def tls():
    return imaplib.IMAP4_SSL("localhost", PORTS[993], ssl_context=context(), timeout=20)


def ok(answer):
    same(answer[0], "OK")
    return answer[1]


def numbers(data):
    return data[0].split()


def text(n):
    return f'From: "A. U. Thor" <a@far.example>\r\nSubject: letter {n}\r\nDate: Fri, 17 Jul 2020 02:44:25 +0000\r\n\r\nText {n}\r\n{"word " * n}\r\n'.encode()


def day(connect, user):
    imap = connect()
    same(imap.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode())[0], "OK")
    ok(imap.capability())
    step("login")

    listed = b"\n".join(ok(imap.list()))
    for name in (b"INBOX", b"Sent", b"Drafts", b"Junk", b"Trash", b"Archive"):
        assert name in listed, listed
    ok(imap.create("Work/2026"))
    ok(imap.rename("Work/2026", "Work/2027"))
    ok(imap.subscribe("Work/2027"))
    assert b"Work/2027" in b"\n".join(ok(imap.lsub()))
    same(imap.create("Work/2027")[0], "NO")
    step("mailboxes")

    ok(imap.select("INBOX"))
    for n in range(1, 11):
        data = ok(imap.append("INBOX", "(\\Seen $Label)" if n % 2 else None, '"17-Jul-2020 02:44:25 +0000"', text(n)))
        assert data[0].startswith(b"[APPENDUID "), data
    ok(imap.noop())
    same(imap.response("EXISTS")[1][-1], b"10")
    same(imap.append("Nowhere", None, None, text(1))[0], "NO")
    step("append")

    same(numbers(ok(imap.search(None, "SEEN"))), [b"1", b"3", b"5", b"7", b"9"])
    same(numbers(ok(imap.search(None, 'SUBJECT "letter 1"'))), [b"1", b"10"])
    same(numbers(ok(imap.search("UTF-8", "BODY", '"Text 7"'))), [b"7"])
    same(numbers(ok(imap.search(None, "KEYWORD", "$Label", "LARGER", "1", "NOT", "1:5"))), [b"7", b"9"])
    same(numbers(ok(imap.search(None, "SENTON", "17-Jul-2020", "OR", "2", "4"))), [b"2", b"4"])
    if "SORT" in imap.capabilities:
        same(numbers(ok(imap.sort("(REVERSE SIZE)", "UTF-8", "1:3"))), [b"3", b"2", b"1"])
    if "THREAD=REFERENCES" in imap.capabilities:
        ok(imap.thread("REFERENCES", "UTF-8", "ALL"))
    step("search")

    data = ok(imap.fetch("2:3", "(UID RFC822.SIZE INTERNALDATE FLAGS BODY.PEEK[])"))
    same([part[1] for part in data if isinstance(part, tuple)], [text(2), text(3)])
    head = data[0][0]
    assert b"RFC822.SIZE %d" % len(text(2)) in head and b'INTERNALDATE "17-Jul-2020 02:44:25 +0000"' in head, head
    same(ok(imap.fetch("2", "(BODY[TEXT]<2.4>)"))[0][1], text(2)[text(2).index(b"\r\n\r\n") + 6 :][:4])
    assert b"\\Seen" in ok(imap.fetch("2", "(FLAGS)"))[0]
    envelope = ok(imap.fetch("4", "(ENVELOPE)"))[0]
    assert b'("A. U. Thor" NIL "a" "far.example")' in envelope, envelope
    step("fetch")

    ok(imap.store("4:5", "FLAGS", "(\\Flagged)"))
    same(numbers(ok(imap.search(None, "FLAGGED"))), [b"4", b"5"])
    same(numbers(ok(imap.search(None, "FLAGGED", "SEEN"))), [])
    ok(imap.store("5", "-FLAGS.SILENT", "(\\Flagged)"))
    ok(imap.uid("STORE", "1:*", "+FLAGS", "(custom)"))
    same(len(numbers(ok(imap.search(None, "KEYWORD", "custom")))), 10)
    step("store")

    ok(imap.copy("1:2", "Work/2027"))
    ok(imap.uid("COPY", "3", "Archive"))
    same(imap.copy("1", "Nowhere")[0], "NO")
    assert b"[TRYCREATE]" in imap.copy("1", "Nowhere")[1][0]
    step("copy")

    uids = ok(imap.uid("SEARCH", None, "ALL"))[0].split()
    ok(imap.uid("MOVE", b",".join(uids[7:9]).decode(), "Trash"))
    same(len(numbers(ok(imap.search(None, "ALL")))), 8)
    ok(imap.select("Trash"))
    same(len(numbers(ok(imap.search(None, "ALL")))), 2)
    step("move")

    ok(imap.select("INBOX"))
    ok(imap.store("1,3", "+FLAGS", "(\\Deleted)"))
    same(ok(imap.expunge()), [b"1", b"2"])
    uids = ok(imap.uid("SEARCH", None, "ALL"))[0].split()
    ok(imap.store("1:2", "+FLAGS", "(\\Deleted)"))
    ok(imap.uid("EXPUNGE", uids[0].decode()))
    same(ok(imap.uid("SEARCH", None, "ALL"))[0].split(), uids[1:])
    ok(imap.close())
    ok(imap.select("INBOX", readonly=True))
    same(ok(imap.uid("SEARCH", None, "ALL"))[0].split(), uids[2:])
    assert imap.store("1", "+FLAGS", "(\\Seen)")[0] == "NO"
    step("expunge")

    same(ok(imap.status("Work/2027", "(MESSAGES UNSEEN UIDNEXT)")), [b"Work/2027 (MESSAGES 2 UNSEEN 0 UIDNEXT 3)"])
    step("status")

    # imaplib learned IDLE after Debian's Python: by hand.
    ok(imap.select("INBOX"))
    tag = imap._new_tag()
    imap.send(tag + b" IDLE\r\n")
    same(imap.readline(), b"+ idling\r\n")
    other = connect()
    ok(other.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode()))
    ok(other.append("INBOX", None, None, text(11)))
    told = imap.readline()
    assert told.startswith(b"* ") and told.endswith(b" EXISTS\r\n"), told
    ok(other.select("INBOX"))
    ok(other.store("1", "+FLAGS", "(\\Flagged)"))
    while b"FETCH" not in told:
        told = imap.readline()
    assert b"\\Flagged" in told, told
    other.logout()
    imap.send(b"DONE\r\n")
    while not told.startswith(tag):
        told = imap.readline()
    assert told.startswith(tag + b" OK"), told
    step("idle")

    for bad in (("FETCH", "1", "(FROBNICATE)"), ("STORE", "0", "FLAGS", "(\\Seen)"), ("SEARCH", "FROBNICATE")):
        try:
            imap._simple_command(*bad)
            raise AssertionError(f"{bad} taken")
        except imaplib.IMAP4.error as error:
            assert "BAD" in str(error), error
    same(imap.select("Nowhere")[0], "NO")
    ok(imap.noop())
    step("refusals")

    if "UTF8=ACCEPT" in imap.capabilities:
        utf8 = connect()
        utf8.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode())
        utf8.enable("UTF8=ACCEPT")
        ok(utf8.create('"Grüße 你好"'))
        assert "Grüße 你好".encode() in b"\n".join(ok(utf8.list()))
        ok(utf8.select('"Grüße 你好"'))
        ok(utf8.append('"Grüße 你好"', None, None, "Subject: 你好\r\n\r\nGrüße\r\n".encode()))
        same(numbers(ok(utf8.search(None, 'SUBJECT "你好"'))), [b"1"])
        utf8.logout()
    step("utf8")

    if "QUOTA" in imap.capabilities:
        ok(imap.getquotaroot("INBOX"))
    step("quota")

    same(imap.logout()[0], "BYE")
    step("logout")


day(starttls, USERS[3])
day(tls, USERS[4])
