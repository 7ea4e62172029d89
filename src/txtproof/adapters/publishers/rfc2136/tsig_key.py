"""The key that updates are signed with (RFC 8945), from the words of the settings."""

import binascii
from base64 import b64decode

import dns.exception
import dns.name
import dns.tsig
from pydantic import SecretStr


def check_tsig(name: str, algorithm: str, secret: SecretStr) -> dns.tsig.Key:
    """Return the key. Raises ValueError that says what is wrong with it, and never shows the secret."""
    owner = _parsed(name)
    if owner is None:
        raise ValueError(f"tsig_name {name[:60]!r} is no name: write it as the server knows it")
    known = _parsed(algorithm.lower())
    if known is None or not _can_sign(known):
        raise ValueError(f"tsig_algorithm {algorithm[:60]!r} is not known: write hmac-sha256 or hmac-sha512")
    try:
        octets = b64decode(secret.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("tsig_secret is not base64: write it as the key file has it") from None
    if not octets:
        raise ValueError("tsig_secret is empty: write it as the key file has it")
    return dns.tsig.Key(owner, octets, known)


def _parsed(text: str) -> dns.name.Name | None:
    try:
        name = dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError):
        return None
    return name if name != dns.name.root else None


def _can_sign(algorithm: dns.name.Name) -> bool:
    try:
        dns.tsig.HMACTSig(b"any", algorithm)  # type: ignore[no-untyped-call]  # it has no annotations
    except NotImplementedError:
        return False
    return True
