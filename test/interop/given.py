"""What the test hands to each script on its standard input, and a context that verifies the house's certificate."""
import json
import ssl
import sys

GIVEN = json.load(sys.stdin)
PORTS = {int(k): v for k, v in GIVEN["ports"].items()}
HOST, DOMAIN, PASSWORD = GIVEN["host"], GIVEN["domain"], GIVEN["password"]
USERS = GIVEN["users"]


def context():
    return ssl.create_default_context(cafile=GIVEN["certificate"])


def step(name):
    print(name, flush=True)


def same(seen, meant):
    if seen != meant:
        raise AssertionError(f"{seen!r} is not {meant!r}")
