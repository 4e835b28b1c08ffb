"""Pictures inside tars, read where they lie: nothing is unpacked, and no name in a tar ever becomes a path.

Members of one WebDataset key, KEY.jpg with KEY.json, KEY.cls and KEY.txt beside it, come as one sample.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import quote

from collector.errors import FetchFailed
from collector.found import BadRow

MAX_MEMBER_BYTES = 256 * 2**20
"""Of a picture in a tar; the workspace's own limit is below it."""
_MAX_SIDECAR = 1 << 20
_MAX_EXTENDED_HEADER = 1 << 20
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_DAMAGED = (tarfile.TarError, OSError, EOFError, ValueError, OverflowError)


@dataclass(frozen=True)
class Member:
    """A regular file of a tar: its name and where its bytes are."""

    tar: Path
    name: str
    offset: int
    size: int

    @property
    def key(self) -> str:
        """WebDataset's: the name up to the first dot of its last part."""
        folder, slash, last = self.name.rpartition("/")
        return folder + slash + last.partition(".")[0]

    @property
    def extension(self) -> str:
        """What follows the key, in lower case, without the dot."""
        return self.name.rpartition("/")[2].partition(".")[2].lower()

    @property
    def url(self) -> str:
        """Its name for ever: the tar's `file:` URL with the member as a query (a fragment names nothing of its own)."""
        return f"{self.tar.as_uri()}?member={quote(self.name.encode('utf-8', 'surrogateescape'), safe='/')}"

    def read(self) -> bytes:
        """Its bytes; FetchFailed for too many, OSError where the tar cannot be read."""
        if self.size > MAX_MEMBER_BYTES:
            raise FetchFailed("too_large", f"is larger than {MAX_MEMBER_BYTES:,} bytes")
        with self.tar.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.size)
        if len(data) < self.size:
            raise FetchFailed("undecodable", "the tar has become shorter since it was looked through")
        return data


@dataclass(frozen=True)
class Sample:
    """A picture of a tar with what stands beside it."""

    picture: Member
    facts: Mapping[str, Any] = field(default_factory=dict)
    """KEY.json."""
    text: str | None = None
    """KEY.txt."""
    label: str | None = None
    """KEY.cls: a number or a name."""


def is_tar(path: Path) -> bool:
    """Whether a name is a tar's, also a compressed one's (which `samples` refuses in words)."""
    name = path.name.lower()
    return name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"))


def samples(path: Path, suffixes: tuple[str, ...]) -> Iterator[Sample | BadRow]:
    """The pictures of a tar in its order. Links, devices and names that lead out of the tar are BadRows, and so is
    the rest of a tar that is cut off or damaged.
    """
    if not path.name.lower().endswith(".tar"):
        yield BadRow(str(path), "is compressed as a whole; unpack it to a plain .tar")
        return
    entries = _members(path, suffixes)
    for _, group in groupby(entries, lambda one: one.key if isinstance(one, Member) else None):
        members = []
        for one in group:
            if isinstance(one, BadRow):
                yield one
            else:
                members.append(one)
        if members:
            yield from _samples_of(members, suffixes)


def _samples_of(members: list[Member], suffixes: tuple[str, ...]) -> Iterator[Sample | BadRow]:
    pictures = [one for one in members if one.name.lower().endswith(suffixes)]
    beside = {one.extension: one for one in members if one not in pictures}
    plain = [one for one in pictures if "." not in one.extension]
    if beside and plain:
        pictures = plain  # KEY.mask.png beside KEY.jpg is something about the picture
    if not pictures:
        return
    facts: Mapping[str, Any] = {}
    texts: dict[str, str | None] = {}
    for extension in ("json", "txt", "cls"):
        member = beside.get(extension)
        if member is None:
            continue
        if member.size > _MAX_SIDECAR:
            yield BadRow(f"{member.tar}:{member.name}", f"is larger than {_MAX_SIDECAR:,} bytes; read without it")
            continue
        words = member.read().decode("utf-8-sig", errors="replace").strip()
        if extension != "json":
            texts[extension] = words or None
            continue
        try:
            value = json.loads(words)
        except (ValueError, RecursionError) as error:
            yield BadRow(f"{member.tar}:{member.name}", f"is not JSON ({error}); read without it")
            continue
        facts = value if isinstance(value, dict) else {}
    for picture in pictures:
        yield Sample(picture, facts, texts.get("txt"), texts.get("cls"))


class _Header(tarfile.TarInfo):
    """A header whose long names and PAX records are bounded: tarfile takes them into memory whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        found = super().frombuf(buf, encoding, errors)
        if found.type in _EXTENDED and found.size > _MAX_EXTENDED_HEADER:
            raise ValueError(f"a header of {found.size:,} bytes")
        return found


def _members(path: Path, suffixes: tuple[str, ...]) -> Iterator[Member | BadRow]:
    wanted = (*suffixes, ".json", ".txt", ".cls")
    at = 0
    try:
        size = path.stat().st_size
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:", tarinfo=_Header) as tar:
            while (entry := tar.next()) is not None:
                vars(tar)["members"].clear()  # tarfile keeps every header that it has read
                at = entry.offset
                if not entry.name.lower().endswith(wanted) or entry.isdir():
                    continue
                where = f"{path}:{entry.name}"
                if not entry.isfile() or entry.issparse():
                    yield BadRow(where, "is a link, a device or a sparse file")
                elif entry.name.startswith("/") or ".." in PurePosixPath(entry.name).parts:
                    yield BadRow(where, "has a name that leads out of the tar")
                elif entry.offset_data + entry.size > size:
                    yield BadRow(where, "the tar is cut off inside of it")
                    return
                elif not PurePosixPath(entry.name).name.startswith("."):
                    yield Member(path, entry.name.removeprefix("./"), entry.offset_data, entry.size)
            why = _end(file, tar.offset)
            at = tar.offset
    except _DAMAGED as error:
        why = f"cannot be read from byte {at:,} on: {error}"
    if why:
        yield BadRow(str(path), why)


def _end(file: IO[bytes], offset: int) -> str | None:
    """What is wrong with the end of a tar: tarfile stops without a word at a header that it cannot read."""
    file.seek(offset)
    block = file.read(tarfile.BLOCKSIZE)
    if not block:
        return "has no end mark: it may be cut off"
    if len(block) < tarfile.BLOCKSIZE:
        return "is cut off"
    if block.strip(b"\0"):
        return f"is damaged at byte {offset:,}; what follows is not read"
    return None
