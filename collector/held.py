"""The bytes of pictures between the network and the disk, counted as they arrive and kept under a bound."""

import asyncio


class HeldBytes:
    """All that a run holds. Above the bound only the one who came first goes on, so that something always ends."""

    def __init__(self, bound: int) -> None:
        self.total = 0
        self._bound = bound
        self._holders: dict[Holding, None] = {}  # in the order in which they came
        self._changed = asyncio.Event()

    def holding(self) -> "Holding":
        """The share of one picture, empty as yet; use as `with`."""
        return Holding(self)

    def fits(self, holding: "Holding", size: int) -> bool:
        """Whether so many bytes more may be held now."""
        return self.total + size <= self._bound or next(iter(self._holders)) is holding

    async def wait_for_room(self, holding: "Holding", size: int) -> None:
        """Return when so many bytes fit."""
        while not self.fits(holding, size):
            self._changed.clear()
            await self._changed.wait()

    def enter(self, holding: "Holding") -> None:
        """Put a holding last in the line, if it is not in it."""
        self._holders.setdefault(holding)

    def change(self, size: int) -> None:
        """Count bytes in, or, below zero, out."""
        self.total += size
        if size < 0:
            self._changed.set()

    def leave(self, holding: "Holding") -> None:
        """Take a holding out of the line."""
        self._holders.pop(holding, None)
        self._changed.set()


class Holding:
    """What is held of one picture; all of it is given back at the end of the `with`."""

    def __init__(self, held: HeldBytes) -> None:
        self._held = held
        self.size = 0

    def __enter__(self) -> "Holding":
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def fits(self, size: int) -> bool:
        """Whether `add` would return at once."""
        self._held.enter(self)
        return self._held.fits(self, size)

    async def add(self, size: int) -> None:
        """Hold so many bytes more; waits while others hold too many."""
        self._held.enter(self)
        await self._held.wait_for_room(self, size)
        self.size += size
        self._held.change(size)

    def give_back(self) -> None:
        """Hold nothing any more: the bytes are kept, or an attempt failed."""
        self._held.change(-self.size)
        self.size = 0
        self._held.leave(self)
