"""Decoded pictures on their way to the network: all in memory where they fit, else streamed by worker processes.

Either way a batch is uint8 [B, H, H, 3], in exactly the order asked for; augmentation comes after, on the device.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from train.errors import TrainError
from train.sources import Labelled

MEMORY_LIMIT = 2 << 30  # bytes of decoded pictures that may stay in memory: 700,000 of 32 x 32
AHEAD = 4  # batches that are decoded ahead of the network
LARGE_SIDE = 128  # from this size on a margin is kept around what is seen, as is usual: 256 for 224
Progress = Callable[[int, int | None, str], None]


class Pictures(Protocol):
    """Decoded pictures of one split."""

    def batches(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[Tensor]:
        """For each row list [B], uint8 [B, H, H, 3] on the device."""
        ...

    def one(self, row: int) -> NDArray[np.uint8]:
        """One picture, uint8 [H, H, 3], for the report."""
        ...

    def subset(self, rows: NDArray[np.int64]) -> "Pictures":
        """The pictures `rows`, in that order."""
        ...


@dataclass(frozen=True)
class InMemory:
    """Every picture decoded, uint8 [N, H, H, 3], on the device."""

    pixels: Tensor
    rows: Tensor | None = None

    def batches(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[Tensor]:
        """See `Pictures`."""
        if not len(batches):
            return
        # One copy to the device for all batches: each waits for the device.
        order = torch.from_numpy(np.concatenate(batches)).to(self.pixels.device)
        for wanted in order.split([len(batch) for batch in batches]):
            yield self.pixels[wanted if self.rows is None else self.rows[wanted]]

    def one(self, row: int) -> NDArray[np.uint8]:
        """See `Pictures`."""
        return next(self.batches([np.array([row])]))[0].cpu().numpy()

    def subset(self, rows: NDArray[np.int64]) -> "InMemory":
        """See `Pictures`."""
        chosen = torch.from_numpy(rows).to(self.pixels.device)
        return InMemory(self.pixels, chosen if self.rows is None else self.rows[chosen])


@dataclass(frozen=True)
class Streamed:
    """Pictures decoded when they are needed, by `workers` processes, ahead of the network.

    Where a dataset cannot be read in a forked process (a remote release's client would hang), threads decode.
    """

    samples: Labelled
    side: int
    workers: int
    device: torch.device

    def batches(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[Tensor]:
        """See `Pictures`. A worker that dies, or a picture that cannot be decoded, raises TrainError."""
        try:
            for found in self.by_processes(batches) if self.samples.forks else self.by_threads(batches):
                if isinstance(found, str):
                    raise TrainError(found, hint="remove or replace it; `cairn verify` checks a whole release")
                yield found.to(self.device, non_blocking=True)
        except RuntimeError as error:
            if "worker" not in str(error):
                raise
            raise TrainError(
                f"A process that decodes pictures died ({error}).",
                hint="often memory ran out: use fewer --workers, then give the same command again",
            ) from error

    @property
    def ahead(self) -> int:
        """How many batches are decoded before anybody asks for them."""
        return AHEAD * self.workers if self.samples.forks else AHEAD

    def by_processes(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[Tensor | str]:
        """Batches from torch's DataLoader."""
        yield from DataLoader(
            DecodedRows(self.samples, self.side),
            batch_sampler=[batch.tolist() for batch in batches],
            num_workers=self.workers,
            collate_fn=stack,
            pin_memory=self.device.type == "cuda",
            multiprocessing_context="fork" if self.workers else None,
            prefetch_factor=AHEAD if self.workers else None,
        )

    def by_threads(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[Tensor | str]:
        """Batches from threads of this process."""
        rows = DecodedRows(self.samples, self.side)
        waiting: deque[list[Future[NDArray[np.uint8] | str]]] = deque()
        pool = ThreadPoolExecutor(max(1, self.workers))
        try:
            for batch in batches:
                waiting.append([pool.submit(rows.__getitem__, row) for row in batch.tolist()])
                if len(waiting) > AHEAD:
                    yield self.stacked(waiting.popleft())
            while waiting:
                yield self.stacked(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def stacked(self, decoded: list[Future[NDArray[np.uint8] | str]]) -> Tensor | str:
        """A batch whose pictures threads decode, in memory from which a GPU can copy beside its work."""
        found = stack([one.result() for one in decoded])
        return found.pin_memory() if isinstance(found, Tensor) and self.device.type == "cuda" else found

    def one(self, row: int) -> NDArray[np.uint8]:
        """See `Pictures`."""
        return square(self.samples.picture(row), self.side)

    def subset(self, rows: NDArray[np.int64]) -> "Streamed":
        """See `Pictures`."""
        return Streamed(self.samples.subset(rows), self.side, self.workers, self.device)


class DecodedRows(Dataset[NDArray[np.uint8] | str]):
    """Row -> pixels, or the sentence that says which picture is broken (an exception would lose its hint)."""

    def __init__(self, samples: Labelled, side: int) -> None:
        self.samples = samples
        self.side = side

    def __getitem__(self, row: int) -> NDArray[np.uint8] | str:
        try:
            return square(self.samples.picture(row), self.side)
        except TrainError as error:
            return str(error)


def stack(found: list[NDArray[np.uint8] | str]) -> Tensor | str:
    """A batch of pictures, or the first sentence about a broken one."""
    broken = next((x for x in found if isinstance(x, str)), None)
    return broken if broken is not None else torch.from_numpy(np.stack([x for x in found if not isinstance(x, str)]))


def square(picture: Image.Image, side: int) -> NDArray[np.uint8]:
    """The middle square of an RGB picture, its shorter side resized to `side`; uint8 [side, side, 3]."""
    width, height = picture.size
    if (width, height) != (side, side):
        short = min(width, height)
        left, top = (width - short) / 2, (height - short) / 2
        picture = picture.resize(
            (side, side), Image.Resampling.BICUBIC, box=(left, top, left + short, top + short), reducing_gap=3.0
        )
    return np.asarray(picture, np.uint8)


def stored_side(size: int) -> int:
    """The side in pixels at which pictures are kept for a network that sees `size`."""
    return size if size < LARGE_SIDE else round(size * 8 / 7)


def load(
    samples: Labelled,
    size: int,
    device: torch.device,
    workers: int,
    skip: float = 0.0,
    progress: Progress | None = None,
) -> tuple[Pictures, list[int]]:
    """A split decoded into memory where it fits, else as a stream; and the rows that cannot be decoded, left out.

    Raises TrainError, naming a sample, when more than the share `skip` of the split is unreadable. A stream is decoded
    once beforehand only where `skip` allows for anything; else it stops when it meets a broken picture.
    """
    side = stored_side(size)
    streamed = len(samples) * side * side * 3 > MEMORY_LIMIT
    if streamed and not skip:
        return Streamed(samples, side, workers, device), []
    pixels = np.empty((0 if streamed else len(samples), side, side, 3), np.uint8)
    broken: list[int] = []
    allowed = int(skip * len(samples))

    def decode(row: int) -> TrainError | None:
        try:
            picture = square(samples.picture(row), side)
        except TrainError as error:
            return error
        if not streamed:
            pixels[row] = picture
        return None

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, error in enumerate(pool.map(decode, range(len(samples)), chunksize=64), 1):
            if error is not None:
                broken.append(done - 1)
                if len(broken) > allowed:
                    pool.shutdown(cancel_futures=True)
                    raise too_many(error, len(broken), len(samples), skip)
            if progress and (done % 256 == 0 or done == len(samples)):
                progress(done, len(samples), "decoding pictures")
    pictures: Pictures = (
        Streamed(samples, side, workers, device) if streamed else InMemory(torch.from_numpy(pixels).to(device))
    )
    return (pictures.subset(np.setdiff1d(np.arange(len(samples)), broken)) if broken else pictures), broken


def too_many(error: TrainError, broken: int, count: int, skip: float) -> TrainError:
    """The first broken picture's own sentence, or that there are more of them than was allowed."""
    if not skip:
        return TrainError(
            str(error), f"{error.hint}; --skip-corrupt 0.01 leaves out up to a hundredth of a split", error.exit_code
        )
    return TrainError(
        f"More than {skip:.2%} of {count} samples cannot be read ({broken} so far); the last one: {error}", error.hint
    )


def even_batches(order: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """Every row once, in this order, in batches of at most `batch_size` whose lengths differ by at most one.

    Even lengths, so that no last batch is too small for batch norm and none is dropped.
    """
    return np.array_split(order, max(1, -(-len(order) // batch_size)))


def channel_statistics(pictures: Pictures, count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel in 0..1, over at most 2,000 pictures spread over the split."""
    rows = np.unique(np.linspace(0, count - 1, min(count, 2000)).astype(np.int64))
    total, squares, pixels = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), 0
    for batch in pictures.batches(even_batches(rows, 256)):
        values = batch.cpu().to(torch.float64).reshape(-1, 3) / 255
        total += values.sum(0)
        squares += (values**2).sum(0)
        pixels += len(values)
    mean = total / pixels
    std = (squares / pixels - mean**2).clamp(min=1e-6).sqrt()
    return tuple(mean.tolist()), tuple(std.tolist())
