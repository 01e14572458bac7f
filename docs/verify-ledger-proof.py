#!/usr/bin/env python3
"""Verifies a proof of the ledger off-line: verify-ledger-proof.py PROOF KEY

PROOF is the file that a person downloads or an operator makes (yagona ledger proof), KEY the public key of the log as
https://ISSUER/ledger/key prints it, such as id.example.uz/ledger+1a2b3c4d+AV...: keep it from a time when you trusted it.
Prints the entry and leaves with 0 if the proof is good; says why not and leaves with 1 otherwise.

It needs Python 3.8 and nothing else. Forms: C2SP tlog-proof, tlog-checkpoint and signed-note; RFC 9162 (tree), RFC 8032
(Ed25519).
"""
import base64
import hashlib
import json
import sys

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


class Bad(Exception):
    """Why the proof proves nothing."""


def point(data):
    """A point of the curve from its 32 bytes, in extended coordinates."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= P:
        raise Bad("no point of the curve")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        raise Bad("no point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, d - c, d + c, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, base):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, base)
        base, scalar = add(base, base), scalar >> 1
    return result


def signed(public, message, signature):
    """Whether an Ed25519 signature is good (RFC 8032, section 5.1.7)."""
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= ORDER:
        return False
    base_y = 4 * pow(5, P - 2, P) % P
    base = point(base_y.to_bytes(32, "little"))
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    left = times(int.from_bytes(signature[32:], "little"), base)
    right = add(point(signature[:32]), times(int.from_bytes(digest, "little") % ORDER, point(public)))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def decode(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Bad("no base64: " + text)


def checkpoint(note, key):
    """The size and the root that a checkpoint tells of, if the key signed it."""
    name, number, public = key.strip().split("+", 2)
    public = decode(public)
    ident = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
    if len(public) != 33 or public[0] != 1 or ident.hex() != number:
        raise Bad("the key is no Ed25519 key of a log")
    body, separator, signatures = note.rpartition("\n\n\u2014 ")
    body, signatures = body + "\n", "\u2014 " + signatures
    lines = body.split("\n")
    if not separator or len(lines) < 4 or lines[0] != name:
        raise Bad("the checkpoint is none of this log")
    for line in signatures.splitlines():
        dash, signer, signature = (line.split(" ") + ["", ""])[:3]
        if dash == "\u2014" and signer == name:
            signature = decode(signature)
            if signature[:4] == ident and signed(public[1:], body.encode(), signature[4:]):
                return int(lines[1]), decode(lines[2])
    raise Bad("the checkpoint bears no valid signature of the key")


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaf, index, size, path):
    """The root that a leaf and its path lead to (RFC 9162, section 2.1.3.2)."""
    if index >= size:
        raise Bad("the place lies after the end of the log")
    fn, sn, digest = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    for step in path:
        if sn == 0:
            raise Bad("the path is too long")
        if fn & 1 or fn == sn:
            digest = node(step, digest)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            digest = node(digest, step)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise Bad("the path is too short")
    return digest


def verify(text, key):
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or len(lines) < 3 or lines[0] != "c2sp.org/tlog-proof@v1":
        raise Bad("this is no proof")
    if not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        raise Bad("this is no proof of an entry")
    leaf, index = decode(lines[1][6:]), int(lines[2][6:])
    size, expected = checkpoint(note, key)
    if root(leaf, index, size, [decode(line) for line in lines[3:]]) != expected:
        raise Bad("the entry is not in the tree of the checkpoint: it, its place or the path was changed")
    return leaf, index, size


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(sys.argv[1], encoding="utf-8", newline="") as file:
            leaf, index, size = verify(file.read(), sys.argv[2])
    except (Bad, OSError, ValueError) as why:
        print("the proof proves nothing: %s" % why, file=sys.stderr)
        return 1
    print(json.dumps(json.loads(leaf), ensure_ascii=False, indent=2))
    print("The entry stands at place %d of a log of %d entries." % (index, size))
    return 0


if __name__ == "__main__":
    sys.exit(main())
