"""`SPLIT/index.npz`: where each sample lies and what it is labelled, in bytes that depend on nothing else."""

import io
import zipfile
from dataclasses import dataclass, fields

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from shards.errors import ShardError

INDEX_NAME = "index.npz"
SOFT_WIDTH = 10


@dataclass(frozen=True)
class SplitIndex:
    """One row per sample, in key order.

    key bytes [N] (ASCII, strictly ascending); shard int32 [N], n of `SPLIT/{n:06d}.tar`;
    offset, length int64 [N], of the picture's bytes in that tar; label int64 [N], -1 for none;
    soft_label int32 [N, 10] and soft_p float32 [N, 10], padded with -1 and 0.
    """

    key: NDArray[np.bytes_]
    shard: NDArray[np.int32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    label: NDArray[np.int64]
    soft_label: NDArray[np.int32]
    soft_p: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: NDArray[np.int64]) -> "SplitIndex":
        """The index of these rows only; ascending ones keep the keys in order."""
        return SplitIndex(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})

    def to_bytes(self) -> bytes:
        """An uncompressed npz (a zlib of another version would compress differently), fixed times."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for column in fields(self):
                member = io.BytesIO()
                array = np.ascontiguousarray(getattr(self, column.name))
                npy.write_array(member, array, version=(1, 0), allow_pickle=False)
                info = zipfile.ZipInfo(f"{column.name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
                info.create_system = 3
                info.external_attr = 0o644 << 16
                archive.writestr(info, member.getvalue())
        return buffer.getvalue()


_COLUMNS = {
    "key": ("S", 1),
    "shard": ("<i4", 1),
    "offset": ("<i8", 1),
    "length": ("<i8", 1),
    "label": ("<i8", 1),
    "soft_label": ("<i4", 2),
    "soft_p": ("<f4", 2),
}


def index_from_bytes(data: bytes, where: str) -> SplitIndex:
    """Read an `index.npz`; ShardError (naming `where`) when it is damaged or its columns do not agree."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            columns = {name: archive[name] for name in _COLUMNS}
    except Exception as error:  # numpy and zipfile raise a dozen kinds on damaged bytes
        raise ShardError(f"{where} is damaged: {error}", hint="fetch the file again") from error
    rows = len(columns["key"])
    for name, (kind, dimensions) in _COLUMNS.items():
        array = columns[name]
        shape = (rows,) if dimensions == 1 else (rows, SOFT_WIDTH)
        if array.shape != shape or (array.dtype.kind != "S" if kind == "S" else array.dtype.str != kind):
            raise ShardError(
                f"{where} is damaged: {name} is {array.dtype} {list(array.shape)}", hint="fetch the file again"
            )
    return SplitIndex(**columns)
