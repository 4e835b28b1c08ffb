"""A stream gives each sample once an epoch, in one order whatever the ranks, and goes on exactly where it stopped."""

import json
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shards import ShardError, Split, Stream, epoch_order, open_release, windowed_order
from shards.order import sequential_order
from tests.shards.make import make_release

tars_of = st.lists(st.integers(0, 12), max_size=80).map(lambda numbers: np.array(sorted(numbers), np.int32))
windows = st.integers(1, 14)


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Split:
    split = open_release(make_release(tmp_path_factory.mktemp("stream"), {"train": 130})).split("train")
    assert len(split.files.shards) > 4
    return split


def keys(stream: Stream) -> list[str]:
    return [sample.key for sample in stream]


@given(tars_of, st.integers(0, 2**40), st.integers(0, 50), windows)
def test_a_windowed_order_is_a_permutation_that_needs_few_tars_at_a_time(
    shard: np.ndarray, seed: int, epoch: int, window: int
) -> None:
    order = windowed_order(shard, seed, epoch, window)
    assert sorted(order.rows.tolist()) == list(range(len(shard)))
    assert np.array_equal(order.rows, windowed_order(shard, seed, epoch, window).rows)
    assert sorted(number for group in order.shards for number in group) == np.unique(shard).tolist()
    for position, row in enumerate(order.rows):
        group = order.shards[order.window_of(position)]
        assert shard[row] in group
        assert len(group) <= window


@given(tars_of, st.integers(0, 2**40), st.integers(0, 50))
def test_a_window_of_all_tars_is_the_full_shuffle(shard: np.ndarray, seed: int, epoch: int) -> None:
    assert np.array_equal(windowed_order(shard, seed, epoch, 13).rows, epoch_order(len(shard), seed, epoch))


def test_a_windowed_order_never_moves_between_versions() -> None:
    shard = np.repeat(np.arange(4, dtype=np.int32), 3)
    order = windowed_order(shard, seed=1, epoch=2, window=2)
    assert order.rows.tolist() == [3, 4, 9, 5, 10, 11, 7, 1, 0, 8, 2, 6]
    assert order.shards == ((1, 3), (0, 2))


@given(tars_of, windows)
def test_in_order_means_as_the_rows_lie(shard: np.ndarray, window: int) -> None:
    order = sequential_order(shard, window)
    assert order.rows.tolist() == list(range(len(shard)))
    assert all(shard[p] in order.shards[order.window_of(p)] for p in range(len(shard)))


@given(ranks=st.integers(1, 9), seed=st.integers(0, 99), window=windows, shuffle=st.booleans(), even=st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_number_of_ranks_together_reads_the_one_order(
    train: Split, ranks: int, seed: int, window: int, shuffle: bool, even: bool
) -> None:
    whole = keys(Stream(train, seed=seed, window=window, shuffle=shuffle))
    assert sorted(whole) == train.keys.tolist()
    streams = [
        Stream(train, seed=seed, window=window, shuffle=shuffle, rank=rank, ranks=ranks, even=even)
        for rank in range(ranks)
    ]
    parts = [keys(stream) for stream in streams]
    together = [part[i] for i in range(len(parts[0])) for part in parts if i < len(part)]
    assert together == whole[: len(together)]
    assert len(whole) - len(together) == (len(whole) % ranks if even else 0)
    assert [len(part) for part in parts] == [len(stream) for stream in streams]


@given(st.integers(0, 140), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_a_state_continues_exactly_also_in_another_number_of_ranks(
    train: Split, steps: int, before: int, after: int
) -> None:
    steps = min(steps, len(train) // before)
    whole = keys(Stream(train, seed=5))
    first = [Stream(train, seed=5, rank=rank, ranks=before) for rank in range(before)]
    taken = [[sample.key for sample in islice(stream, steps)] for stream in first]
    states = [stream.state_dict() for stream in first]
    assert all(state == states[0] for state in states)
    state = json.loads(json.dumps(states[0]))
    second = [Stream(train, rank=rank, ranks=after) for rank in range(after)]
    for stream in second:
        stream.load_state_dict(state)
    parts = [keys(stream) for stream in second]
    rest = [part[i] for i in range(len(parts[0])) for part in parts if i < len(part)]
    done = [part[i] for i in range(steps) for part in taken]
    assert done + rest == whole


def test_epochs_follow_one_another_each_in_its_own_order(train: Split) -> None:
    stream = Stream(train, seed=3)
    first, second = keys(stream), keys(stream)
    assert first != second
    assert stream.epoch == 2
    again = Stream(train, seed=3)
    again.epoch = 1
    assert keys(again) == second
    assert Stream(train, seed=4).order().rows.tolist() != Stream(train, seed=3).order().rows.tolist()


def test_a_subset_is_a_split_of_its_own(train: Split) -> None:
    rows = np.flatnonzero(train.labels == 2)
    part = train.subset(rows)
    assert part.keys.tolist() == train.keys[rows].tolist()
    assert {sample.label for sample in part} == {2}
    assert part.read(part.find(str(train.keys[rows[3]]))).key == train.keys[rows[3]]
    assert sorted(keys(Stream(part, seed=1, window=2))) == part.keys.tolist()
    state = Stream(part).state_dict()
    with pytest.raises(ShardError, match=r"the state is one of train"):
        Stream(train).load_state_dict(state)
    with pytest.raises(ShardError, match=r"rows 0 to 129"):
        train.subset([130])


@pytest.mark.parametrize(
    ("options", "words"),
    [({"rank": 2, "ranks": 2}, "rank 2 of 2"), ({"window": 0}, "window of 0")],
    ids=["rank", "window"],
)
def test_what_makes_no_stream_is_an_error_of_usage(train: Split, options: dict[str, int], words: str) -> None:
    with pytest.raises(ShardError, match=words) as told:
        list(Stream(train, **options))  # type: ignore[arg-type]
    assert told.value.exit_code == 2


PROGRAM = """
import json, os, sys
from shards import Stream, open_release
release, state, log = sys.argv[1:]
stream = Stream(open_release(release).split("train"), seed=9, window=2)
if os.path.exists(state):
    stream.load_state_dict(json.load(open(state)))
out = open(log, "a")
for sample in stream:
    # As a trainer does: the step's effect and the state it is saved with appear together, by one rename.
    with open(state + ".new", "w") as file:
        json.dump(stream.state_dict() | {"log": sample.key}, file)
    os.replace(state + ".new", state)
    print(sample.key, file=out, flush=True)
    print(flush=True)
"""


def test_a_reader_killed_again_and_again_misses_nothing_and_repeats_nothing(train: Split, tmp_path: Path) -> None:
    state, log = tmp_path / "state.json", tmp_path / "log"
    command = [sys.executable, "-c", PROGRAM, str(train.release), str(state), str(log)]
    for samples in (1, 40, 33):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        assert process.stdout is not None
        for _ in range(samples):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        last = json.loads(state.read_text())["log"]
        logged = log.read_text().split()
        if logged[-1] != last:  # killed between the rename and the line
            log.write_text("\n".join([*logged, last]) + "\n")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    assert log.read_text().split() == keys(Stream(train, seed=9, window=2))
