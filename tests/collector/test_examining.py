"""Pictures on their way through the decoders: none is left waiting, whatever ends at the same moment."""

import asyncio

import imaging
from collector.examining import Examiners
from tests.collector.site import jpeg


class _Held(Examiners):
    """Decoders whose batches all end in one turn of the event loop."""

    def __init__(self) -> None:
        super().__init__(0, 10**6)
        self.open = asyncio.Event()
        self.inside = 0

    async def _in(self, pool: object, batch: list) -> list:  # type: ignore[type-arg, override]  # as in the class itself
        self.inside += 1
        await self.open.wait()
        return imaging.describe_all([one.data for one in batch], 10**6)


def test_a_picture_that_comes_while_every_carrier_ends_is_carried_too() -> None:
    async def go() -> int:
        examiners = _Held()

        async def two(seed: int) -> int:
            first = await examiners.examine(jpeg(seed))
            second = await examiners.examine(jpeg(seed + 10))
            return len({first.facts.sha256, second.facts.sha256})

        tasks = []
        for seed in (1, 2):  # a carrier each: the second comes when the first is on its way
            tasks.append(asyncio.create_task(two(seed)))
            while examiners.inside < seed:
                await asyncio.sleep(0.01)
        tasks[1].cancel()  # only the first asks again, so nobody else brings its picture along
        examiners.open.set()
        try:
            return await asyncio.wait_for(tasks[0], 10)
        finally:
            examiners.close()

    assert asyncio.run(go()) == 2
