"""Claims: every address in work once, and whoever waits for the last one hears of it."""

import asyncio

from collector.claims import Claims
from collector.found import Candidate


def test_a_last_claim_released_before_the_wait_begins_ends_the_wait() -> None:
    async def go() -> list[int]:
        settled: list[int] = []
        claims = Claims(settled.append)
        claim = claims.claim(Candidate("http://h.example/a.jpg"))
        assert claim is not None
        assert claims.claim(Candidate("http://h.example/a.jpg")) is None
        waiting = asyncio.create_task(claims.wait_until_none())
        claims.release(claim)  # the task has not run yet
        await asyncio.wait_for(waiting, 10)
        return settled

    assert asyncio.run(go()) == [2]


def test_a_claim_made_while_others_end_is_waited_for_too() -> None:
    async def go() -> bool:
        claims = Claims(lambda mentions: None)
        first = claims.claim(Candidate("http://h.example/a.jpg"))
        assert first is not None
        waiting = asyncio.create_task(claims.wait_until_none())
        await asyncio.sleep(0)
        claims.release(first)
        second = claims.claim(Candidate("http://h.example/b.jpg"))
        assert second is not None
        for _ in range(5):
            await asyncio.sleep(0)
        early = waiting.done()
        claims.release(second)
        await asyncio.wait_for(waiting, 10)
        return early

    assert not asyncio.run(go())
