"""Decoded pictures on their way to the network: all in memory where they fit, else streamed by worker processes.

Either way a batch is uint8 [B, H, H, 3], in exactly the order asked for; augmentation comes after, on the device.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from train.decoding import decode_on_device, square, stored_side
from train.errors import TrainError
from train.sources import Labelled

MEMORY_LIMIT = 2 << 30  # bytes of decoded pictures that may stay in memory: 700,000 of 32 x 32
AHEAD = 4  # batches that are decoded ahead of the network
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

    Where a dataset cannot be read in a forked process (a remote release's client would hang), threads decode. With
    `gpu_decode` either only reads, and a whole batch is decoded on the device.
    """

    samples: Labelled
    side: int
    workers: int
    device: torch.device
    gpu_decode: bool = False

    def batches(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[Tensor]:
        """See `Pictures`. A worker that dies, or a picture that cannot be decoded, raises TrainError."""
        with worker_deaths():
            found = self.by_processes(batches) if self.samples.forks else self.by_threads(batches)
            for rows, one in zip(batches, found, strict=True):
                if isinstance(one, str):
                    raise TrainError(one, hint="remove or replace it; `cairn verify` checks a whole release")
                yield one.to(self.device, non_blocking=True) if isinstance(one, Tensor) else self.decoded(rows, one)

    @property
    def ahead(self) -> int:
        """How many batches are decoded before anybody asks for them."""
        return AHEAD * self.workers if self.samples.forks else AHEAD

    @property
    def reading(self) -> "Rows":
        """What the workers do."""
        return Encoded(self.samples) if self.gpu_decode and self.samples.encoded else Decoded(self.samples, self.side)

    def decoded(self, rows: NDArray[np.int64], encoded: list[bytes]) -> Tensor:
        """A batch of bytes as pixels uint8 [B, H, H, 3] on the device."""
        return decode_on_device(encoded, self.side, self.device, lambda i: self.one(int(rows[i])))

    def by_processes(self, batches: Sequence[NDArray[np.int64]]) -> Iterator["Batch"]:
        """Batches from torch's DataLoader."""
        yield from DataLoader(
            self.reading,
            batch_sampler=[batch.tolist() for batch in batches],
            num_workers=self.workers,
            collate_fn=stack,
            pin_memory=self.device.type == "cuda",
            multiprocessing_context="fork" if self.workers else None,
            prefetch_factor=AHEAD if self.workers else None,
        )

    def by_threads(self, batches: Sequence[NDArray[np.int64]]) -> Iterator["Batch"]:
        """Batches from threads of this process."""
        rows = self.reading
        waiting: deque[list[Future[Row]]] = deque()
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

    def stacked(self, read: list["Future[Row]"]) -> "Batch":
        """A batch that threads have read, pixels in memory from which a GPU can copy beside its work."""
        found = stack([one.result() for one in read])
        return found.pin_memory() if isinstance(found, Tensor) and self.device.type == "cuda" else found

    def one(self, row: int) -> NDArray[np.uint8]:
        """See `Pictures`."""
        return square(self.samples.picture(row, self.side), self.side)

    def subset(self, rows: NDArray[np.int64]) -> "Streamed":
        """See `Pictures`."""
        return replace(self, samples=self.samples.subset(rows))


Row = NDArray[np.uint8] | bytes | str
"""A picture's pixels, or its bytes, or the sentence that says that it is broken (an exception would lose its hint)."""
Batch = Tensor | list[bytes] | str
Rows = Dataset[Row]


class Decoded(Dataset[Row]):
    """Row -> pixels uint8 [H, H, 3]."""

    def __init__(self, samples: Labelled, side: int) -> None:
        self.samples = samples
        self.side = side

    def __getitem__(self, row: int) -> Row:
        try:
            return square(self.samples.picture(row, self.side), self.side)
        except TrainError as error:
            return str(error)


class Encoded(Dataset[Row]):
    """Row -> the picture's bytes as they are stored."""

    def __init__(self, samples: Labelled) -> None:
        assert samples.encoded is not None
        self.encoded = samples.encoded

    def __getitem__(self, row: int) -> Row:
        try:
            return self.encoded(row)
        except TrainError as error:
            return str(error)


def stack(found: list[Row]) -> Batch:
    """A batch of pictures, or of their bytes, or the first sentence about a broken one."""
    broken = next((x for x in found if isinstance(x, str)), None)
    if broken is not None:
        return broken
    encoded = [x for x in found if isinstance(x, bytes)]
    return encoded if encoded else torch.from_numpy(np.stack([x for x in found if isinstance(x, np.ndarray)]))


@contextmanager
def worker_deaths() -> Iterator[None]:
    """Say in a sentence that a process that decodes has died; torch tells it by a signal, wherever the program is."""
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise TrainError(
            f"A process that decodes pictures died ({str(error).splitlines()[0]}).",
            hint="often memory ran out: use fewer --workers, then give the same command again",
        ) from error


def load(
    samples: Labelled,
    size: int,
    device: torch.device,
    workers: int,
    skip: float = 0.0,
    progress: Progress | None = None,
    gpu_decode: bool = False,
) -> tuple[Pictures, list[int]]:
    """A split decoded into memory where it fits, else as a stream; and the rows that cannot be decoded, left out.

    Raises TrainError, naming a sample, when more than the share `skip` of the split is unreadable. A stream is decoded
    once beforehand only where `skip` allows for anything; else it stops when it meets a broken picture.
    """
    side = stored_side(size)
    streamed = len(samples) * side * side * 3 > MEMORY_LIMIT
    if streamed and not skip:
        return Streamed(samples, side, workers, device, gpu_decode), []
    pixels = np.empty((0 if streamed else len(samples), side, side, 3), np.uint8)
    broken: list[int] = []
    allowed = int(skip * len(samples))

    def decode(row: int) -> TrainError | None:
        try:
            picture = square(samples.picture(row, side), side)
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
    pictures: Pictures = InMemory(torch.from_numpy(pixels).to(device))
    if streamed:
        pictures = Streamed(samples, side, workers, device, gpu_decode)
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
