"""IPTC-IIM, the older words inside photographs: datasets of a stream, alone or in Photoshop's resource blocks.

Sources: IPTC-NAA Information Interchange Model 4.2 (datasets 2:80, 2:110, 2:116), Adobe's Photoshop File Formats
Specification (image resource blocks, 0x0404). Pure; never raises; nonsense holds nothing.
"""

from collections.abc import Iterator, Mapping

BY_LINE = 80
CREDIT = 110
COPYRIGHT_NOTICE = 116
_IPTC_BLOCK = 0x0404
_MAX_DATASETS = 2000


def read_iim(data: bytes) -> Mapping[int, tuple[str, ...]]:
    """The texts of record 2 by dataset number; bytes that are not UTF-8 are read as Latin-1."""
    found: dict[int, list[str]] = {}
    for record, dataset, value in _datasets(data):
        if record == 2 and value:
            found.setdefault(dataset, []).append(_text(value))
    return {dataset: tuple(values) for dataset, values in found.items()}


def iim_in_resources(data: bytes) -> bytes:
    """The IIM stream within Photoshop's resource blocks, or the data itself where it is no block."""
    at = 0
    for _ in range(_MAX_DATASETS):
        if data[at : at + 4] != b"8BIM":
            break
        kind = int.from_bytes(data[at + 4 : at + 6])
        name = data[at + 6] if at + 6 < len(data) else 0
        at += 6 + (name + 2) // 2 * 2  # a Pascal string, padded to be even
        size = int.from_bytes(data[at : at + 4])
        at += 4
        if kind == _IPTC_BLOCK:
            return data[at : at + size]
        at += (size + 1) // 2 * 2
    return b"" if data[:4] == b"8BIM" else data


def _datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    for _ in range(_MAX_DATASETS):
        if at + 5 > len(data) or data[at] != 0x1C:
            return
        record, dataset = data[at + 1], data[at + 2]
        size = int.from_bytes(data[at + 3 : at + 5])
        at += 5
        if size & 0x8000:  # an extended dataset: the size of the size
            length = size & 0x7FFF
            if length > 4:
                return
            size = int.from_bytes(data[at : at + length])
            at += length
        yield record, dataset, data[at : at + size]
        at += size


def _text(value: bytes) -> str:
    value = value[:4000]
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        # A text cut in the middle of a character is still UTF-8.
        whole = value.decode("utf-8", "ignore")
        return whole if len(value) - len(whole.encode()) < 4 and not whole.isascii() else value.decode("latin-1")
