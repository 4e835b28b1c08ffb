"""Curves for TensorBoard, where it is installed and asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from train.checkpoint import EpochRow
from train.errors import TrainError


@contextmanager
def open_board(folder: Path, wanted: bool) -> Iterator[Callable[[EpochRow], None]]:
    """A function that takes each line of the history; it writes into `folder`/tensorboard, or does nothing."""
    if not wanted:
        yield lambda row: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainError("TensorBoard is not installed.", "pip install tensorboard", exit_code=2) from error
    writer = SummaryWriter(str(folder / "tensorboard"))

    def add(row: EpochRow) -> None:
        for name in ("lr", "train_loss", "train_top1", "val_loss", "val_top1", "samples_per_second"):
            value = getattr(row, name)
            if value is not None:
                writer.add_scalar(f"seed-{row.seed}/{name}", value, row.epoch)
        writer.flush()

    try:
        yield add
    finally:
        writer.close()
