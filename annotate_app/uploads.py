"""Files of a form, counted while they arrive: a body or a file that is too large is refused before it is all here.

https://www.rfc-editor.org/rfc/rfc7578
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from annotate_app.problems import Problem

_FIELD_BYTES = 16 * 1024
_FIELDS = 20
_HEADERS_BYTES = 2 * 1024
"""Room for the headers and the boundary of one part."""
_DEADLINE = 15 * 60.0
"""Seconds in which a body has to arrive, so that a dripping one holds no connection for ever."""


class _FileTooLarge(Exception):
    pass


class _BoundedParser(MultiPartParser):
    """Starlette's parser, which bounds fields by itself, with a bound for each file."""

    def __init__(self, *given: Any, max_file_bytes: int, **more: Any) -> None:
        super().__init__(*given, **more)
        self._max_file_bytes = max_file_bytes
        self._file_bytes = 0

    def on_part_begin(self) -> None:
        super().on_part_begin()
        self._file_bytes = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is not None:
            self._file_bytes += end - start
            if self._file_bytes > self._max_file_bytes:
                raise _FileTooLarge
        super().on_part_data(data, start, end)


async def read_form(request: Request, *, max_files: int, max_file_bytes: int) -> FormData:
    """The fields and files of a `multipart/form-data` body; close it when done.

    Problem 415 for another kind of body, 413 for too much of it, 408 where it does not come, 422 where it is broken.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem(415, "files are sent as multipart/form-data", hint="as a form with a file field sends them")
    most = max_files * (max_file_bytes + _HEADERS_BYTES) + _FIELDS * (_FIELD_BYTES + _HEADERS_BYTES)
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and int(said[:20]) > most:
        raise _too_much(max_files, max_file_bytes, close=True)
    parser = _BoundedParser(
        request.headers,
        _counted(request, most, max_files, max_file_bytes),
        max_files=max_files,
        max_fields=_FIELDS,
        max_part_size=_FIELD_BYTES,
        max_file_bytes=max_file_bytes,
    )
    try:
        async with asyncio.timeout(_DEADLINE):
            return await parser.parse()
    except _FileTooLarge as error:
        raise _too_much(max_files, max_file_bytes, close=not said) from error
    except TimeoutError as error:
        raise Problem(408, "what was sent did not arrive in time", hint="send less at once") from error
    except MultiPartException as error:
        status = 413 if "Maximum number" in error.message or "maximum size" in error.message else 422
        raise Problem(
            status, f"the form cannot be read: {error.message}", hint=_limits(max_files, max_file_bytes)
        ) from error


def text_field(form: FormData, name: str) -> str:
    """A field's text; empty where it is missing or a file."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def files(form: FormData, name: str) -> list[UploadFile]:
    """The files of a field in their order; a browser sends a nameless, empty one where none was chosen."""
    given = [value for value in form.getlist(name) if isinstance(value, UploadFile)]
    return [one for one in given if one.filename or one.size]


async def _counted(request: Request, most: int, max_files: int, max_file_bytes: int) -> AsyncGenerator[bytes, None]:
    count = 0
    async for chunk in request.stream():
        count += len(chunk)
        if count > most:
            raise _too_much(max_files, max_file_bytes, close=True)
        yield chunk


def _too_much(max_files: int, max_file_bytes: int, *, close: bool) -> Problem:
    """`close`: the rest of the body may be endless. Else it is read and dropped, so that the answer is seen."""
    headers = {"Connection": "close"} if close else {}
    return Problem(413, "that is more than is taken at once", hint=_limits(max_files, max_file_bytes), headers=headers)


def _limits(max_files: int, max_file_bytes: int) -> str:
    each = f"of at most {max_file_bytes / 2**20:.0f} MiB"
    return f"one file {each}" if max_files == 1 else f"at most {max_files} files {each} each"
