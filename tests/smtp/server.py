"""A real mail server (aiosmtpd) for tests/it/email.rs: it takes mails by STARTTLS or by TLS from the first byte, after a login.

    server.py FOLDER PORT starttls|implicit

FOLDER has cert.pem and key.pem. Each mail becomes a file NUMBER.json there. What the file `behaviour` says holds for the next mails: `ok`,
a reply such as `451 later` or `550 nobody` to RCPT, or `cut`: the connection breaks once the mail was said.
"""

import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
taken = 0


def behaviour():
    try:
        with open(os.path.join(folder, "behaviour"), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return "ok"


def put(name, value):
    path = os.path.join(folder, name)
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(value)
    os.rename(path + ".part", path)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if behaviour()[:1] in "45":
            return behaviour()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global taken
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        taken += 1
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "text": message.get_content().replace("\r\n", "\n"),
            "encrypted": session.ssl is not None or mode == "implicit",
        }
        put(f"{taken}.json", json.dumps(mail))
        if behaviour() == "cut":
            server.transport.abort()
            return "421 gone"
        return "250 taken"


def authenticator(server, session, envelope, mechanism, data):
    known = LoginPassword(b"yagona", b"it-mail-password")
    return AuthResult(success=data == known, handled=False)


def session():
    implicit = mode == "implicit"
    return SMTP(
        Handler(),
        hostname="localhost",
        authenticator=authenticator,
        auth_required=True,
        auth_require_tls=not implicit,
        require_starttls=not implicit,
        tls_context=None if implicit else context,
    )


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))


async def main():
    loop = asyncio.get_running_loop()
    await loop.create_server(session, "localhost", port, ssl=context if mode == "implicit" else None)
    put("ready", "")
    await asyncio.Event().wait()


asyncio.run(main())
