"""Running a coroutine to its end from plain code, also where an event loop runs already (a notebook)."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
_LOOK_SECONDS = 0.2
"""How often the waiting thread looks up, so that Ctrl-C reaches it whichever thread got the signal."""


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine: `asyncio.run`, in a thread of its own where this one has a running loop.

    Ctrl-C cancels the work, waits until it has ended, and is raised as KeyboardInterrupt either way.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return _run_beside(work)


def _run_beside(work: Coroutine[Any, Any, T]) -> T:
    result: Future[T] = Future()
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    async def watched() -> T:
        task = asyncio.ensure_future(work)
        begun.set_result((asyncio.get_running_loop(), task))
        return await task

    def go() -> None:
        try:
            result.set_result(asyncio.run(watched()))
        except BaseException as error:
            result.set_exception(error)

    thread = threading.Thread(target=go, name="collect")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_LOOK_SECONDS)
    except KeyboardInterrupt:
        loop, task = begun.result()
        with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
            loop.call_soon_threadsafe(task.cancel)
        while thread.is_alive():  # a second Ctrl-C must not leave a run behind that nobody sees
            with contextlib.suppress(KeyboardInterrupt):
                thread.join(_LOOK_SECONDS)
        raise
    return result.result()
