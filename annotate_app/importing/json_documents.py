"""Parts of a JSON document of any length, one at a time (ijson, a parser that needs no whole document)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from annotate_app.importing.rows import Bad
from label_store import UsageError

_DEEPEST = 100
"""Levels; for each the parser keeps the path to it, so that memory would grow with their square."""
_AT_ONCE = 1024
"""Bytes of a part; what stands before it is read although it is nested too deep."""
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_BUT_MARKS = bytes(set(range(256)) - set(b'"[]{}'))


def parts(file: Path, path: str) -> Iterator[Any]:
    """The values at an ijson path such as `annotations.item`; a Bad at the end where the document breaks off.

    UsageError when it is broken before the first of them.
    """
    import ijson

    seen = 0
    try:
        with file.open("rb") as opened:
            if opened.read(3) != b"\xef\xbb\xbf":
                opened.seek(0)
            for value in ijson.items(_Shallow(opened), path, use_float=True, buf_size=_AT_ONCE):
                seen += 1
                yield value
    except (ijson.JSONError, UnicodeDecodeError, RecursionError, _TooDeep) as error:
        if not seen:
            raise UsageError(f"{file} is not JSON: {error}") from error
        what = path.removesuffix("item").removesuffix(".") or "the list"
        yield Bad(f"after {seen:,} of {what}", f"the JSON breaks off: {error}")


class _TooDeep(ValueError):
    pass


class _Shallow:
    """A JSON document to read from, as far as it is not nested too deep."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._depth = 0
        self._in_string = False
        self._escape = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes; _TooDeep when a level too many is opened in them."""
        part = self._file.read(size)
        for outside in self._outside_strings(part):
            for mark in outside:
                self._depth += 1 if mark in b"[{" else -1
                if self._depth > _DEEPEST:
                    raise _TooDeep(f"it is nested more than {_DEEPEST} levels deep")
        return part

    def _outside_strings(self, part: bytes) -> list[bytes]:
        """The brackets of a part, those in strings left out; the loop over bytes is only over brackets."""
        text, self._escape = self._escape + part, b""
        if b"\\" in text:
            text = _ESCAPED.sub(b"", text)
            if text.endswith(b"\\"):  # what it escapes is in the next part
                text, self._escape = text[:-1], b"\\"
        marks = text.translate(None, _BUT_MARKS).split(b'"')
        outside = marks[self._in_string :: 2]
        self._in_string ^= len(marks) % 2 == 0
        return outside


def opens_with(file: Path) -> str:
    """The first character of a document that is no white space: `[` of a list, `{` of an object."""
    with file.open("rb") as opened:
        return opened.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1].decode(errors="replace")
