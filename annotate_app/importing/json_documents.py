"""Parts of a JSON document of any length, one at a time (ijson, a parser that needs no whole document)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotate_app.importing.rows import Bad
from label_store import UsageError


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
            for value in ijson.items(opened, path, use_float=True):
                seen += 1
                yield value
    except (ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
        if not seen:
            raise UsageError(f"{file} is not JSON: {error}") from error
        what = path.removesuffix("item").removesuffix(".") or "the list"
        yield Bad(f"after {seen:,} of {what}", f"the JSON breaks off: {error}")


def opens_with(file: Path) -> str:
    """The first character of a document that is no white space: `[` of a list, `{` of an object."""
    with file.open("rb") as opened:
        return opened.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1].decode(errors="replace")
