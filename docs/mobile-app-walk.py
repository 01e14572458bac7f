"""Walks the API for the portal's app (mobile-app.md) against `yagona demo`, by a client that is generated from mobile-app-api.yaml.

    python3 -m venv walk && walk/bin/pip install openapi-python-client==0.29.1 cryptography
    walk/bin/openapi-python-client generate --path docs/mobile-app-api.yaml --meta none --output-path walk/mobile_id_client
    PYTHONPATH=walk walk/bin/python docs/mobile-app-walk.py [PINFL]

The person is one of config/registry-people.toml, a citizen with an ID card: the first one where no PINFL is given. They are enrolled, and then
end their enrolment.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import string
import sys
import time
import tomllib
import urllib.request
from datetime import datetime, timezone

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from mobile_id_client import Client
from mobile_id_client.api.default import (
    compare_face,
    end_by_face,
    enter_code,
    get_application,
    give_consents,
    open_application,
    send_code,
)
from mobile_id_client.models import (
    Application,
    Consents,
    EndingByFace,
    Entered,
    Face,
    Form,
    Problem,
)

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")
SANDBOX = os.environ.get("SANDBOX", "http://localhost:8081")
CLIENT = os.environ.get("CLIENT_ID", "portal-ilovasi")
SECRET = os.environ.get("CLIENT_SECRET", "portal-ilovasi-demo-secret-known-to-everybody")

KEY = ec.generate_private_key(ec.SECP256R1())


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def proof(method: str, url: str, token: str | None = None) -> str:
    """A proof of possession (RFC 9449)."""
    public = KEY.public_key().public_numbers()
    point = {name: encode(value.to_bytes(32, "big")) for name, value in (("x", public.x), ("y", public.y))}
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", **point}}
    claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())}
    if token:
        claims["ath"] = encode(hashlib.sha256(token.encode()).digest())
    signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
    r, s = utils.decode_dss_signature(KEY.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def access_token() -> str:
    url = f"{ISSUER}/oidc/token"
    answer = httpx.post(
        url,
        data={"grant_type": "client_credentials", "scope": "mobile_id"},
        auth=(CLIENT, SECRET),
        headers={"DPoP": proof("POST", url)},
    )
    answer.raise_for_status()
    return answer.json()["access_token"]


def with_proof(request: httpx.Request) -> None:
    bare = str(request.url).split("?")[0]
    request.headers["Authorization"] = f"DPoP {TOKEN}"
    request.headers["DPoP"] = proof(request.method, bare, TOKEN)


def application(response) -> Application:
    """The application of an answer, and it is one."""
    if isinstance(response.parsed, Application):
        return response.parsed
    sys.exit(f"{response.status_code}: {response.content.decode()}")


def until(api, name: str, going_on) -> Application:
    for _ in range(100):
        now = application(get_application.sync_detailed(name, client=api))
        if not going_on(now):
            return now
        time.sleep(0.2)
    sys.exit("it goes on for too long")


def code_of(number: str, known: int) -> str:
    """The code in the next message on a phone of the sandbox."""
    for _ in range(100):
        with urllib.request.urlopen(f"{SANDBOX}/messages?to={number}") as answer:
            texts = [message["text"] for message in json.load(answer)]
        if len(texts) > known:
            return re.search(r"\b(\d{6})\b", texts[-1]).group(1)
        time.sleep(0.2)
    sys.exit("no message came")


def messages(number: str) -> int:
    with urllib.request.urlopen(f"{SANDBOX}/messages?to={number}") as answer:
        return len(json.load(answer))


def somebody(pinfl: str | None) -> tuple[dict, str]:
    """The form of annex 2 of somebody whom the sandbox's registers know, and a photo of theirs."""
    with open("config/registry-people.toml", "rb") as file:
        people = tomllib.load(file)["person"]
    person = next(one for one in people if pinfl in (None, one["pinfl"]))
    surname, name, patronymic = person["latin"]
    return {
        "language": "en",
        "surname": surname,
        "name": name,
        "patronymic": patronymic,
        "number": "+" + person["numbers"][0]["msisdn"],
        "pinfl": person["pinfl"],
        "category": "citizen",
        "document": "id_card",
        "document_number": person["documents"][0]["number"],
    }, "".join(person["photo"].split())


TOKEN = access_token()


def main() -> None:
    form, photo = somebody(sys.argv[1] if len(sys.argv) > 1 else None)
    api = Client(base_url=ISSUER, httpx_args={"event_hooks": {"request": [with_proof]}})
    name = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(26))

    wrong = open_application.sync_detailed(name, client=api, body=Form.from_dict({**form, "pinfl": "1"}))
    assert isinstance(wrong.parsed, Problem) and wrong.parsed.errors[0].field == "pinfl", wrong.content
    opened = application(open_application.sync_detailed(name, client=api, body=Form.from_dict(form)))
    again = application(open_application.sync_detailed(name, client=api, body=Form.from_dict(form)))
    assert opened.id == again.id == name
    print("opened", opened.reference)

    found = until(api, name, lambda now: now.precheck.state == "running")
    print("registers:", found.precheck.state, [one.code for one in found.precheck.obstacles or []])
    wanted = [one.consent for one in found.missing if one.what == "consent"]
    shown = datetime.now(timezone.utc).isoformat()
    given = {"language": form["language"], "consents": [{"to": to, "shown_at": shown} for to in wanted]}
    application(give_consents.sync_detailed(name, client=api, body=Consents.from_dict(given)))

    early = send_code.sync_detailed(name, client=api)
    assert isinstance(early.parsed, Problem) and early.parsed.code == "not_ready", early.content
    application(compare_face.sync_detailed(name, client=api, body=Face(photo=photo)))
    proved = until(api, name, lambda now: now.proof.face == "running")
    print("face:", proved.proof.face)

    digits = "998" + re.sub(r"\D", "", form["number"])[-9:]
    known = messages(digits)
    application(send_code.sync_detailed(name, client=api))
    code = code_of(digits, known)
    miss = enter_code.sync_detailed(name, client=api, body=Entered("000000" if code != "000000" else "111111"))
    assert isinstance(miss.parsed, Problem) and miss.parsed.code == "wrong_code", miss.content
    done = application(enter_code.sync_detailed(name, client=api, body=Entered(code)))
    assert done.state == "enrolled", done
    print("enrolled", done.ended_at)

    ending = EndingByFace(pinfl=form["pinfl"], photo=photo)
    ended = end_by_face.sync_detailed(client=api, body=ending)
    assert ended.parsed.ended is True, ended.content
    nothing = end_by_face.sync_detailed(client=api, body=ending)
    assert isinstance(nothing.parsed, Problem) and nothing.parsed.code == "not_enrolled", nothing.content
    print("ended")


if __name__ == "__main__":
    main()
