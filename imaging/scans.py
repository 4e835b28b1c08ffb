"""How much work a JPEG asks of its decoder, read from its markers before anything is decoded (ITU-T T.81, B.1).

A progressive JPEG may hold any number of scans; each goes over the whole picture and may take only a few bytes.
"""

import re

import numpy as np

_MAX_SCANS = 100
"""Encoders write about ten, a few dozen at most."""
_MAX_PIXEL_SCANS = 2_500_000_000
"""25 scans of the largest picture that is taken by default."""
_FEW = 10
"""So many scans are taken of a picture of any size that is decoded at all."""
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7\x01])")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def too_many_scans(data: bytes) -> str | None:
    """Why a JPEG is not decoded; None for one that may be, and for everything that is no JPEG. Never raises."""
    if not data.startswith(b"\xff\xd8"):
        return None
    if _pairs(data) <= _FEW:  # more than there are scans: metadata may hold such bytes too
        return None
    at, scans, pixels = 2, 0, 0
    while marker := _MARKER.search(data, at):
        kind, at = marker[1][0], marker.end()
        if kind == 0xD9:
            break
        if kind in _FRAMES:
            pixels = int.from_bytes(data[at + 3 : at + 5]) * int.from_bytes(data[at + 5 : at + 7])
        if kind == 0xDA:
            scans += 1
            if scans > _MAX_SCANS or scans * pixels > _MAX_PIXEL_SCANS:
                return f"has {scans} or more scans, which would take its decoder minutes"
        at += max(int.from_bytes(data[at : at + 2]), 2)
    return None


def _pairs(data: bytes) -> int:
    """`data.count(b"\\xff\\xda")` of two bytes or more, far faster: pairs from the first byte, and from the second."""
    halves = (np.frombuffer(data, "<u2", (len(data) - start) // 2, start) for start in (0, 1))
    return sum(int(np.count_nonzero(half == 0xDAFF)) for half in halves)
