"""The release format: WebDataset tars with an index, a manifest that proves every byte, a writer, a reader."""

from shards.checks import Problem, verify_release
from shards.classfolders import LeftOut
from shards.errors import ShardError
from shards.imagefolder import Imported, imagefolder_to_release, release_to_imagefolder
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
from shards.opening import Release, open_release
from shards.order import EpochOrder, epoch_order, windowed_order
from shards.reader import Sample, Split
from shards.stream import Stream
from shards.writer import Placed, ShardWriter, keep_finished_tars

__all__ = [
    "Category",
    "EpochOrder",
    "FileEntry",
    "Imported",
    "LabelError",
    "LeftOut",
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
    "Stream",
    "epoch_order",
    "imagefolder_to_release",
    "keep_finished_tars",
    "list_files",
    "open_release",
    "read_manifest",
    "release_to_imagefolder",
    "verify_release",
    "windowed_order",
    "write_manifest",
]
