"""The row of a sample, as samples.parquet and KEY.json hold it, and the row of a picture left out."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builder.arrange import Assigned
from dataset_builder.normalise import Normalised
from dataset_builder.select import Dropped
from shards.atomic import write_whole

SAMPLES_FILE = "samples.parquet"
DROPPED_FILE = "dropped.parquet"

SAMPLES = pa.schema(
    [
        ("key", pa.string()), ("sha256", pa.string()), ("split", pa.string()), ("shard", pa.string()),
        ("label", pa.int64()), ("category", pa.string()), ("posterior", pa.float32()),
        ("soft", pa.list_(pa.list_(pa.float64()))), ("n_judgments", pa.int64()),
        ("attributes", pa.string()), ("boxes", pa.string()), ("shapes", pa.string()), ("group", pa.string()),
        ("width", pa.int64()), ("height", pa.int64()), ("scale_x", pa.float64()), ("scale_y", pa.float64()),
        ("offset_x", pa.float64()), ("offset_y", pa.float64()), ("phash", pa.string()), ("url", pa.string()),
        ("page_url", pa.string()), ("source", pa.string()), ("license", pa.string()), ("author", pa.string()),
        ("fetched_at", pa.timestamp("ms", tz="UTC")),
    ]
)  # fmt: skip
DROPPED = pa.schema([(name, pa.string()) for name in ("sha256", "category", "reason", "detail", "kept_sha256")])
_JSON_COLUMNS = ("attributes", "boxes", "shapes")
_KEY_LENGTH = 16
_PUBLIC = ("http", "https", "s3", "gs", "az")


@dataclass(frozen=True)
class SampleRow:
    """One sample: its values under the names of the columns, JSON ones as objects, times as ISO 8601 text."""

    values: Mapping[str, Any]

    def as_json(self) -> bytes:
        """KEY.json: the row without `shard`, which is the tar that it lies in."""
        return json.dumps(dict(self.values), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def keys_of(sha256s: Sequence[str]) -> dict[str, str]:
    """The key of each picture: its first 16 hex digits, more where several share those."""
    ordered = sorted(sha256s)
    found = {}
    for index, sha256 in enumerate(ordered):
        length = _KEY_LENGTH
        for other in (ordered[index - 1] if index else "", ordered[index + 1] if index + 1 < len(ordered) else ""):
            while length < len(sha256) and other[:length] == sha256[:length]:
                length += 1
        found[sha256] = sha256[:length]
    return found


def sample_row(sample: Assigned, key: str, normalised: Normalised) -> SampleRow:
    """The row of a sample that will be written."""
    chosen, place = sample.chosen, normalised.placement
    return SampleRow(
        {
            "key": key,
            "sha256": chosen.sha256,
            "split": sample.split,
            "label": chosen.label,
            "category": chosen.category,
            "posterior": chosen.posterior,
            "soft": [[label, p] for label, p in chosen.soft],
            "n_judgments": chosen.n_judgments,
            "attributes": chosen.attributes,
            "boxes": chosen.boxes,
            "shapes": chosen.shapes,
            "group": sample.group,
            "width": normalised.width,
            "height": normalised.height,
            "scale_x": place.scale_x,
            "scale_y": place.scale_y,
            "offset_x": place.offset_x,
            "offset_y": place.offset_y,
            "phash": normalised.fingerprint.phash,
            "url": published(chosen.origin.url),
            "page_url": published(chosen.origin.page_url),
            "source": chosen.origin.source,
            "license": chosen.origin.license,
            "author": chosen.origin.author,
            "fetched_at": None if chosen.origin.fetched_at is None else chosen.origin.fetched_at.isoformat(),
        }
    )


def published(address: str | None) -> str | None:
    """An address as a release may tell it: one that others can open, without a password, else its mere file name.

    Of a file (or member of a tar) on the curator's machine the folders are nobody's business.
    """
    if not address:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:  # what a page or a file beside the picture called its address
        return _file_name(address)
    if parts.scheme in _PUBLIC and parts.netloc:
        _, at, host = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=host)) if at else address
    if parts.scheme == "urn":
        return address
    member = parse_qs(parts.query).get("member", [""])[0]
    return _file_name(member or unquote(parts.path))


def _file_name(path: str) -> str:
    return PureWindowsPath(path).name  # knows both kinds of slashes


def write_samples(path: Path, rows: Sequence[SampleRow], shard_of: Mapping[str, str]) -> None:
    """samples.parquet, in the order of the keys; `shard_of` gives the tar of each key."""
    columns: dict[str, list[Any]] = {name: [] for name in SAMPLES.names}
    for row in sorted(rows, key=lambda one: one.values["key"]):
        for name in SAMPLES.names:
            columns[name].append(_cell(name, row.values, shard_of))
    _write(path, pa.Table.from_pydict(columns, schema=SAMPLES))


def write_dropped(path: Path, dropped: Sequence[Dropped]) -> None:
    """dropped.parquet, in the order of SHA-256."""
    ordered = sorted(dropped, key=lambda one: one.sha256)
    columns = {name: [getattr(one, name) for one in ordered] for name in DROPPED.names}
    _write(path, pa.Table.from_pydict(columns, schema=DROPPED))


def comparable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row read from samples.parquet in the form of KEY.json, to compare the two."""
    found = {name: value for name, value in row.items() if name != "shard"}
    for name in _JSON_COLUMNS:
        found[name] = None if found[name] is None else json.loads(found[name])
    if found["fetched_at"] is not None:
        found["fetched_at"] = found["fetched_at"].isoformat()
    found["posterior"] = round(float(found["posterior"]), 6)
    return found


def _cell(name: str, values: Mapping[str, Any], shard_of: Mapping[str, str]) -> Any:
    if name == "shard":
        return shard_of[values["key"]]
    value = values[name]
    if value is None:
        return None
    if name in _JSON_COLUMNS:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if name == "fetched_at":
        return datetime.fromisoformat(value).astimezone(UTC)
    return value


def _write(path: Path, table: pa.Table) -> None:
    """Settings are stated, so that a newer library's defaults do not change the bytes by themselves."""
    buffer = io.BytesIO()
    pq.write_table(
        table, buffer, version="2.6", compression="zstd", compression_level=3, row_group_size=65536,
        use_dictionary=True, data_page_version="1.0", write_statistics=True,
    )  # fmt: skip
    write_whole(path, buffer.getvalue())
