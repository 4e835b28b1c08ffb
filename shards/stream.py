"""An epoch after another of a split, shuffled or in order, in any number of ranks, resumable at every sample.

Position p of an epoch is the same sample however many read: of R ranks, rank r takes p = r, r + R, ... While
one window of tars is read, the next is brought near, so that a disk or a bucket is read in its own order.
"""

import threading
from collections.abc import Iterator
from typing import Any

from shards.errors import ShardError
from shards.order import EpochOrder, sequential_order, windowed_order
from shards.reader import Sample, Split

DEFAULT_WINDOW = 8
_FETCHING = 4


class Stream:
    """Iterating gives the rest of the current epoch; each `for` after that one more epoch.

    `epoch` and `position` (samples of this epoch that all ranks together have taken) are the state.
    `even` drops up to ranks - 1 samples at the end, so that all ranks take equally many.
    """

    def __init__(
        self,
        split: Split,
        *,
        shuffle: bool = True,
        seed: int = 0,
        window: int = DEFAULT_WINDOW,
        rank: int = 0,
        ranks: int = 1,
        even: bool = False,
    ) -> None:
        if not 0 <= rank < ranks:
            raise ShardError(f"rank {rank} of {ranks} does not exist", hint="ranks count from 0", exit_code=2)
        self.split = split
        self.shuffle, self.seed, self.window = shuffle, seed, window
        self.rank, self.ranks, self.even = rank, ranks, even
        self.epoch = self.position = 0
        self._order: tuple[Any, EpochOrder] | None = None

    def __len__(self) -> int:
        """Samples of a whole epoch for this rank."""
        return len(range(self.rank, self.end, self.ranks))

    @property
    def end(self) -> int:
        """The position at which an epoch ends."""
        n = len(self.split)
        return n - n % self.ranks if self.even else n

    def order(self) -> EpochOrder:
        """The current epoch's order, made when it is asked for."""
        known = (self.epoch, self.shuffle, self.seed, self.window)
        if self._order is None or self._order[0] != known:
            shard = self.split.index.shard
            if self.shuffle:
                made = windowed_order(shard, self.seed, self.epoch, self.window)
            else:
                made = sequential_order(shard, self.window)
            self._order = (known, made)
        return self._order[1]

    def __iter__(self) -> Iterator[Sample]:
        order, start, end = self.order(), self.position, self.end
        with ReadAhead(self.split, order) as ahead:
            for position in range(start + self.rank, end, self.ranks):
                ahead.reached(position)
                sample = self.split.read(int(order.rows[position]), whole=True)
                # Before it is handed over: who then asks for the state has this sample already.
                self.position = min(position - self.rank + self.ranks, end)
                yield sample
        self.next_epoch()

    def next_epoch(self) -> None:
        """Go to the start of the next epoch."""
        self.epoch, self.position = self.epoch + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on with the next sample, here or in any number of ranks."""
        return {
            "split": self.split.name,
            "sha256": self.split.identity,
            "epoch": self.epoch,
            "position": self.position,
            "shuffle": self.shuffle,
            "seed": self.seed,
            "window": self.window,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken; ShardError where that was another split."""
        if (state["split"], state["sha256"]) != (self.split.name, self.split.identity):
            raise ShardError(
                f"the state is one of {state['split']} {state['sha256'][:16]}…, this is {self.split.name}"
                f" {self.split.identity[:16]}… of {self.split.release}",
                hint="open the release, and the subset of it, that the state was taken from",
                exit_code=2,
            )
        self.shuffle, self.seed, self.window = state["shuffle"], state["seed"], state["window"]
        self.epoch, self.position = state["epoch"], state["position"]


class ReadAhead:
    """Brings the tars of the window being read, and of the next one, near in threads of its own."""

    def __init__(self, split: Split, order: EpochOrder) -> None:
        self._split, self._order = split, order
        self._announced = -1
        self._until = -1
        self._wanted: list[int] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def reached(self, position: int) -> None:
        """Reading is at `position` of the order."""
        if position < self._until:
            return
        window = self._order.window_of(position)
        starts = self._order.starts
        self._until = int(starts[window + 1]) if window + 1 < len(starts) else len(self._order.rows)
        for index in range(max(window, self._announced + 1), min(window + 2, len(starts))):
            if not self._fits(window, index):
                continue
            with self._lock:
                self._wanted += self._order.shards[index]
            self._announced = index
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        for _ in range(min(_FETCHING, len(self._wanted)) - len(self._threads)):
            thread = threading.Thread(target=self._work, name="read-ahead", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _fits(self, window: int, index: int) -> bool:
        """Whether a window can come near without pushing out what is read now."""
        room, shards = self._split.storage.room, self._split.files.shards
        held = sum(shards[n].bytes for i in {window, index} for n in self._order.shards[i])
        return room is None or held <= room

    def _work(self) -> None:
        while not self._closed:
            with self._lock:
                if not self._wanted:
                    return
                number = self._wanted.pop(0)
            try:
                self._split.announce(number)
            except Exception:
                return  # whoever reads from that tar meets the same and tells it

    def __enter__(self) -> "ReadAhead":
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
