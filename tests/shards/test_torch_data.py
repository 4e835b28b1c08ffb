"""A loader's batches do not know how many workers made them, nor the global batch how many ranks did."""

import json
from pathlib import Path
from typing import Any

import pytest

from shards import Sample, ShardError, Split, Stream, open_release
from tests.shards.make import make_release
from tests.shards.serving import serve

pytest.importorskip("torch")
from shards.torch_data import ShardLoader

N = 103


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return open_release(make_release(tmp_path_factory.mktemp("loader"), {"train": N})).split("train")


def keyed(sample: Sample) -> tuple[str, int]:
    return sample.key, sample.label


def keep(batch: Any) -> list[str]:
    return [key for key, _ in batch]


def loader(train: Split, batch_size: int = 8, **more: Any) -> ShardLoader:
    return ShardLoader(train, batch_size, keyed, seed=4, collate=keep, **more)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_and_epochs_are_the_streams_with_any_number_of_workers(train: Split, workers: int) -> None:
    stream = Stream(train, seed=4)
    batches = loader(train, workers=workers)
    for _ in range(2):
        expected = [sample.key for sample in stream]
        got = list(batches)
        assert len(got) == len(batches) == 13
        assert [key for batch in got for key in batch] == expected
        assert [len(batch) for batch in got] == [8] * 12 + [7]


@pytest.mark.parametrize("before, after", [(0, 2), (2, 0), (2, 3)], ids=["none-two", "two-none", "two-three"])
def test_a_state_is_exact_whatever_workers_had_made_ahead(train: Split, before: int, after: int) -> None:
    expected = list(loader(train))
    first = loader(train, workers=before)
    batches = iter(first)
    seen = [next(batches) for _ in range(5)]
    state = json.loads(json.dumps(first.state_dict()))
    del batches
    second = loader(train, workers=after)
    second.load_state_dict(state)
    assert seen + list(second) == expected
    assert second.stream.epoch == 1


@pytest.mark.parametrize("ranks", [2, 4])
def test_all_ranks_together_take_the_global_batch_of_one(train: Split, ranks: int) -> None:
    alone = list(loader(train, 8))
    parts = [list(loader(train, 8 // ranks, rank=rank, ranks=ranks)) for rank in range(ranks)]
    assert len({len(part) for part in parts}) == 1
    for step, batches in enumerate(zip(*parts, strict=True)):
        together = sorted(key for batch in batches for key in batch)
        if len(together) == 8:
            assert together == sorted(alone[step])
    dropped = N - sum(len(batch) for part in parts for batch in part)
    assert dropped == N % ranks


def test_tensors_are_collated_as_torch_does(train: Split) -> None:
    batch = next(iter(ShardLoader(train, 5, lambda sample: (len(sample.image), sample.label))))
    assert [tuple(part.shape) for part in batch] == [(5,), (5,)]


def test_workers_read_a_remote_release(train: Split, tmp_path: Path) -> None:
    with serve(train.release) as web:
        far = open_release(web.url, cache=tmp_path).split("train")
        far.read(0)  # the client has threads now, which a forked worker would not have
        assert list(loader(far, workers=2)) == list(loader(train))


def test_a_batch_of_nothing_is_refused(train: Split) -> None:
    with pytest.raises(ShardError, match="batch of 0"):
        loader(train, 0)
