"""`dataset.json`: what a release is made of, as values and as canonical bytes.

The SHA-256 of those bytes is the release's id. The field `seal` is the SHA-256 of the same bytes with an
empty seal, so that damage to the manifest itself shows without knowing the id.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from shards.atomic import file_sha256, write_whole
from shards.errors import ShardError

SCHEMA = 1
MANIFEST_NAME = "dataset.json"


@dataclass(frozen=True)
class Category:
    """A class of the release; `label` is its number in indexes, `KEY.cls` and a model's outputs."""

    label: int
    slug: str
    name: str
    wnid: str | None = None


@dataclass(frozen=True)
class FileEntry:
    """A file of the release: path relative to it (forward slashes), size in bytes, SHA-256 in hex."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ShardFile:
    """A tar of the release and how many samples it holds; `file` is relative to the release."""

    file: str
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class SplitFiles:
    """The shards of one split in reading order; `bytes` is the sum over the tars."""

    samples: int
    bytes: int
    shards: tuple[ShardFile, ...]


@dataclass(frozen=True)
class Pixels:
    """How pictures were normalised; `mean` and `std` are per RGB channel of train, in [0, 1], or None."""

    size: int | None
    mode: str
    format: str
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


@dataclass(frozen=True)
class LabelError:
    """Estimated share of wrong labels with its interval, each in [0, 1], and how it was estimated."""

    estimate: float
    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Manifest:
    """Everything `dataset.json` says. `files` lists every file of the release except `dataset.json`."""

    name: str
    version: int
    categories: tuple[Category, ...]
    splits: Mapping[str, SplitFiles]
    files: tuple[FileEntry, ...]
    pixels: Pixels
    recipe: Mapping[str, Any] = field(default_factory=dict)
    created: str | None = None
    parent: str | None = None
    label_error: LabelError | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def to_bytes(self) -> bytes:
        """Canonical JSON: UTF-8, sorted keys, indent 1, a trailing newline. Raises ShardError on NaN."""
        document = asdict(self) | {"seal": ""}
        document["seal"] = hashlib.sha256(_canonical(document)).hexdigest()
        return _canonical(document)

    @property
    def release_id(self) -> str:
        """SHA-256 (hex) of the canonical bytes."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def manifest_from_bytes(data: bytes, where: str = MANIFEST_NAME) -> Manifest:
    """Read canonical bytes back; ShardError (naming `where`) if they are damaged or of a newer schema.

    The seal is no signature: anybody can make one. So names, the version and paths are checked too, and
    whoever reads a manifest may use them below a folder.
    """
    try:
        document = json.loads(data)
        schema = document["schema"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ShardError(f"{where} is not a release's manifest: {error}", hint=_RESTORE) from error
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ShardError(
            f"{where} has schema {schema!r}, this Cairn reads up to {SCHEMA}",
            hint="upgrade Cairn to read this release, or fetch dataset.json again if it was damaged",
        )
    try:
        manifest = _manifest_from_document(document)
        canonical = manifest.to_bytes()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ShardError(f"{where} is damaged: {type(error).__name__}: {error}", hint=_RESTORE) from error
    if canonical != data:
        raise ShardError(f"{where} is damaged: its bytes do not match its seal", hint=_RESTORE)
    wrong = _unsafe(manifest)
    if wrong is not None:
        raise ShardError(f"{where} cannot be trusted: {wrong}", hint="ask whoever gave you this release; do not use it")
    return manifest


def read_manifest(release: Path) -> Manifest:
    """The manifest of a release folder; ShardError when it is absent or damaged."""
    path = Path(release) / MANIFEST_NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ShardError(
            f"{release} is not a release: {MANIFEST_NAME} cannot be read ({error.strerror})",
            hint="give the folder NAME/VERSION that holds dataset.json",
            exit_code=2,
        ) from error
    return manifest_from_bytes(data, str(path))


def write_manifest(release: Path, manifest: Manifest) -> str:
    """Write `dataset.json`, the last file of a release to appear, and return the release's id."""
    data = manifest.to_bytes()
    write_whole(Path(release) / MANIFEST_NAME, data)
    return hashlib.sha256(data).hexdigest()


def list_files(release: Path, splits: Mapping[str, SplitFiles] | None = None) -> tuple[FileEntry, ...]:
    """Every file under `release` except `dataset.json`, by path, with size and SHA-256.

    Shards in `splits` were hashed while they were written and are not read again.
    """
    known = {s.file: FileEntry(s.file, s.bytes, s.sha256) for f in (splits or {}).values() for s in f.shards}
    entries = []
    for name in present_files(release):
        if name in known:
            entries.append(known[name])
        else:
            sha256, size = file_sha256(Path(release) / name)
            entries.append(FileEntry(name, size, sha256))
    return tuple(entries)


def present_files(release: Path) -> list[str]:
    """Paths of all files under `release` but `dataset.json`, relative, with forward slashes, sorted."""
    root = Path(release)
    names = (p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_symlink() or not p.is_dir())
    return sorted(name for name in names if name != MANIFEST_NAME)


def is_safe_path(name: str) -> bool:
    """Whether a path from a manifest stays inside its release on every system."""
    pure = PurePosixPath(name)
    inside = not pure.is_absolute() and ".." not in pure.parts and str(pure) == name and name != "."
    return inside and re.search(r'[\x00-\x1f\\:*?"<>|]', name) is None


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SPLIT = re.compile(r"[A-Za-z_][0-9A-Za-z_]*")


def is_release_name(name: str) -> bool:
    """Whether a release may be called so: a name that is one folder on every system."""
    return _NAME.fullmatch(name) is not None


def _unsafe(manifest: Manifest) -> str | None:
    """What in a manifest could lead out of the release's folder."""
    if not isinstance(manifest.name, str) or not is_release_name(manifest.name):
        return f"{manifest.name!r} cannot be a release's name"
    if type(manifest.version) is not int or manifest.version < 1:
        return f"{manifest.version!r} cannot be a version"
    for split in manifest.splits:
        if _SPLIT.fullmatch(split) is None:
            return f"{split!r} cannot be a split's name"
    paths = [entry.file for entry in manifest.files]
    paths += [shard.file for files in manifest.splits.values() for shard in files.shards]
    for path in paths:
        if not is_safe_path(path) or path == MANIFEST_NAME:
            return f"{path!r} is not a path inside the release"
    return None


_RESTORE = "fetch dataset.json again from where the release was published"


def _canonical(document: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
        return (text + "\n").encode()
    except (ValueError, TypeError) as error:
        raise ShardError(
            f"the manifest cannot be written as JSON: {error}", hint="keep the recipe to JSON's own values"
        ) from error


def _manifest_from_document(document: Mapping[str, Any]) -> Manifest:
    pixels = dict(document["pixels"])
    for name in ("mean", "std"):
        pixels[name] = None if pixels[name] is None else tuple(pixels[name])
    error = document["label_error"]
    return Manifest(
        name=document["name"],
        version=document["version"],
        categories=tuple(Category(**_checked(row)) for row in document["categories"]),
        splits={name: _split_from_document(s) for name, s in document["splits"].items()},
        files=tuple(FileEntry(**_checked(row)) for row in document["files"]),
        pixels=Pixels(**pixels),
        recipe=document["recipe"],
        created=document["created"],
        parent=document["parent"],
        label_error=None if error is None else LabelError(**error),
        tools=document["tools"],
        schema=document["schema"],
    )


def _split_from_document(document: Mapping[str, Any]) -> SplitFiles:
    return SplitFiles(
        **_checked({"samples": document["samples"], "bytes": document["bytes"]}),
        shards=tuple(ShardFile(**_checked(row)) for row in document["shards"]),
    )


def _checked(row: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in row.items():
        if name in ("bytes", "samples", "label"):
            right = type(value) is int and value >= 0
        elif name == "sha256":
            right = isinstance(value, str) and _SHA256.fullmatch(value) is not None  # it names files of a cache
        else:
            right = isinstance(value, str) or (name == "wnid" and value is None)
        if not right:
            raise TypeError(f"{name} is {value!r}")
    return dict(row)
