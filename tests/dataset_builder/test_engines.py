"""An engine takes a pure function and partitions, gives results in order: a release does not know which it was."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import dataset_builder.building
import dataset_builder.normalise
from dataset_builder import Recipe, build
from dataset_builder.engines import ENGINES, engine_named
from label_store import UsageError
from tests.dataset_builder.conftest import hashes
from tests.dataset_builder.scenes import Store


def _process_of(number: int) -> tuple[int, int]:
    return number, os.getpid()


def _number(word: str) -> int:
    return int(word)


@pytest.mark.parametrize("name", ENGINES)
def test_results_come_in_the_order_of_the_partitions_from_other_processes(name: str) -> None:
    if name == "ray":
        pytest.importorskip("ray")
    found = list(engine_named(name, 2)(_process_of, range(20)))
    assert [number for number, _ in found] == list(range(20))
    assert os.getpid() not in {process for _, process in found}


@pytest.mark.parametrize("name", ENGINES)
def test_what_a_partition_raises_comes_out(name: str) -> None:
    if name == "ray":
        pytest.importorskip("ray")
    with pytest.raises((ValueError, RuntimeError)):
        list(engine_named(name, 2)(_number, ["1", "two", "3"]))


def test_another_engine_gives_the_same_bytes(
    store: Store, small: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_builder.normalise, "PACK_SIZE", 3)
    store.fill(20)
    expected = hashes(build(store.workspace, "v", small(), workers=1).path)
    taken = []

    def threads(function: Callable, partitions: list) -> Iterator:  # type: ignore[type-arg]
        taken.append(len(partitions))
        with ThreadPoolExecutor(3) as pool:
            yield from pool.map(function, partitions)

    monkeypatch.setattr(dataset_builder.building, "engine_named", lambda name, workers: threads)
    again = build(store.workspace, "w", small(), engine="any")
    assert taken == [7]
    same = {name for name in expected if name.endswith((".tar", ".npz", ".parquet"))}
    assert same
    assert {name: hashes(again.path)[name] for name in same} == {name: expected[name] for name in same}


def test_an_engine_that_is_not_there_is_told_before_anything_is_read(
    store: Store, small: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no engine 'spark'") as caught:
        build(store.workspace, "v", small(), engine="spark")
    assert "local, ray" in caught.value.hint
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UsageError, match="ray is not installed"):
        build(store.workspace, "v", small(), engine="ray")
