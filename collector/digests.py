"""The digest that a list gives of a picture's bytes, and whether bytes have it."""

import hashlib

_KINDS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
"""By the number of hex digits."""


def digest_kind(digest: str) -> str | None:
    """`md5`, `sha1`, `sha256` or `sha512`, by the length; None for what is no digest in hex."""
    kind = _KINDS.get(len(digest))
    return kind if kind and all(c in "0123456789abcdefABCDEF" for c in digest) else None


def has_digest(data: bytes, digest: str) -> bool:
    """Whether the bytes are those of which a list gave the digest (ValueError where it is none)."""
    kind = digest_kind(digest)
    if kind is None:
        raise ValueError(f"{digest!r} is no digest")
    return hashlib.new(kind, data, usedforsecurity=False).hexdigest() == digest.lower()
