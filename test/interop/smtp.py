"""smtplib against the house: every way to send that it knows."""
import os
import smtplib
import sys
from email.message import EmailMessage
from email.policy import SMTPUTF8

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from given import DOMAIN, PASSWORD, PORTS, USERS, context, same, step

MAOMAO, XIXI, HAHA = USERS[:3]


def letter(subject, body="Hello\r\n.\r\n..\r\n"):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = MAOMAO, XIXI, subject
    made.set_content(body)
    return made


def opened(port):
    smtp = smtplib.SMTP("localhost", PORTS[port], local_hostname="client.example", timeout=20)
    smtp.starttls(context=context())
    return smtp


smtp = smtplib.SMTP("localhost", PORTS[587], local_hostname="client.example", timeout=20)
smtp.ehlo()
for name in ("starttls", "pipelining", "8bitmime", "dsn", "enhancedstatuscodes", "size", "chunking", "smtputf8"):
    assert smtp.has_extn(name), name
assert not smtp.has_extn("auth"), "AUTH is offered in clear text on 587"
smtp.starttls(context=context())
smtp.ehlo()
assert smtp.has_extn("auth") and not smtp.has_extn("starttls")
assert {"PLAIN", "LOGIN"} <= set(smtp.esmtp_features["auth"].split()), smtp.esmtp_features["auth"]
step("capabilities")

for mechanism in ("auth_plain", "auth_login"):
    for initial in (True, False):
        smtp = opened(587)
        smtp.ehlo()
        smtp.user, smtp.password = MAOMAO, PASSWORD
        code, text = smtp.auth(mechanism[5:].upper(), getattr(smtp, mechanism), initial_response_ok=initial)
        same((code, text), (235, b"2.7.0 Authentication successful"))
        same(smtp.send_message(letter(f"{mechanism} {initial}")), {})
        smtp.quit()
step("submission")

smtp = smtplib.SMTP_SSL("localhost", PORTS[465], local_hostname="client.example", context=context(), timeout=20)
smtp.login(MAOMAO, PASSWORD)
for n in range(20):
    same(smtp.send_message(letter(f"in one session {n}")), {})
step("submissions")

refused = smtp.sendmail(MAOMAO, [XIXI, f"nobody@{DOMAIN}", HAHA], letter("several").as_bytes())
same(list(refused), [f"nobody@{DOMAIN}"])
same(refused[f"nobody@{DOMAIN}"][0], 550)
assert refused[f"nobody@{DOMAIN}"][1].startswith(b"5.1.1 "), refused
step("recipients")

made = letter("Grüße 你好 🐱", "Grüße aus Köln, 你好, 🐱\r\n")
made.replace_header("To", f"毛毛 <{XIXI}>")
smtp.ehlo()
same(smtp.sendmail(MAOMAO, [XIXI], made.as_bytes(policy=SMTPUTF8), mail_options=["SMTPUTF8", "BODY=8BITMIME"]), {})
step("utf8")

try:
    smtp.sendmail(MAOMAO, [f"nobody@{DOMAIN}"], b"Subject: x\r\n\r\n")
    raise AssertionError("nobody got mail")
except smtplib.SMTPRecipientsRefused as error:
    same([code for code, _ in error.recipients.values()], [550])
same(smtp.docmd("DATA")[0], 503)
same(smtp.docmd("FROBNICATE")[0], 500)
same(smtp.docmd("RCPT", f"TO:<{XIXI}>")[0], 503)
same(smtp.docmd("MAIL", "FROM:<a b>")[0], 501)
smtp.rset()
other = opened(25)
try:
    other.sendmail("a@far.example", ["b@elsewhere.example"], b"Subject: x\r\n\r\n")
    raise AssertionError("relayed")
except smtplib.SMTPRecipientsRefused as error:
    same(error.recipients["b@elsewhere.example"], (554, b"5.7.1 <b@elsewhere.example>: Relay access denied"))
try:
    other.login(MAOMAO, "wrong")
    raise AssertionError("logged in")
except smtplib.SMTPAuthenticationError as error:
    same(error.smtp_code, 535)
step("refusals")

try:
    smtp.sendmail(MAOMAO, [XIXI], b"Subject: large\r\n\r\n" + b"x" * 70 * 1000 * 200)
    raise AssertionError("too much taken")
except smtplib.SMTPSenderRefused as error:
    same(error.smtp_code, 552)
step("size")

same(smtp.verify("xixi")[0], 252)
same(smtp.verify("nobody")[0], 550)
same(smtp.noop()[0], 250)
step("verify")

body = "".join(f"line {n} " + "y" * 900 + "\r\n" for n in range(1000))
same(smtp.sendmail(MAOMAO, [HAHA], f"Subject: thousand lines\r\n\r\n{body}".encode()), {})
step("thousand lines")

# A line beyond RFC 5321's 998 octets, and bare line feeds: taken or refused, never a broken session.
smtp.mail(MAOMAO)
smtp.rcpt(HAHA)
same(smtp.data(b"Subject: long line\r\n\r\n" + b"z" * 50_000 + b"\r\n")[0], 250)
same(smtp.noop()[0], 250)
same(smtp.quit()[0], 221)
step("long")
