"""The release format: WebDataset tars with an index, a manifest that proves every byte, a writer, a reader."""

from shards.checks import Problem, verify_release
from shards.errors import ShardError
from shards.index import SplitIndex
from shards.manifest import (
    Category,
    FileEntry,
    LabelError,
    Manifest,
    Pixels,
    ShardFile,
    SplitFiles,
    list_files,
    read_manifest,
    write_manifest,
)
from shards.order import epoch_order
from shards.reader import Release, Sample, Split, open_release
from shards.writer import Placed, ShardWriter

__all__ = [
    "Category",
    "FileEntry",
    "LabelError",
    "Manifest",
    "Pixels",
    "Placed",
    "Problem",
    "Release",
    "Sample",
    "ShardError",
    "ShardFile",
    "ShardWriter",
    "Split",
    "SplitFiles",
    "SplitIndex",
    "epoch_order",
    "list_files",
    "open_release",
    "read_manifest",
    "verify_release",
    "write_manifest",
]
