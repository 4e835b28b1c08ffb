"""How fast a network trains here, and what holds it up: the step alone, the loader alone, both together, and peers.

Rates are medians of rounds in which all contenders take turns, so that a busy moment of the machine meets all of them.
Only the one whose turn it is has a loader, and what that decoded ahead is used up before its clock starts: a batch that
was decoded while nobody counted would make its rate too good.
Model FLOPs used (MFU, Chowdhery et al. 2022): three times the forward pass, two operations a multiply-add.
"""

import itertools
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from train.checkpoint import Position, Stamp
from train.config import RunConfig
from train.data import InMemory, Streamed, even_batches, load
from train.decoding import stored_side
from train.describe import describe
from train.device import choose_device, choose_precision, choose_workers, make_compute, memory_in_use
from train.job import Job, Part
from train.models import has_small_stem
from train.peers import peers, plain_loop
from train.settling import SMALL_PICTURE
from train.sources import open_source
from train.step import State, learn, new_state, prepare, train_step

# Dense bf16 operations a second that the makers state, without sparsity.
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "B200": 2250e12, "L40": 181e12, "4090": 165e12}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Asked:
    """What is measured: a model by name, on generated pictures or on `data`, for about `seconds` each."""

    model: str
    size: int
    batch_size: int
    classes: int
    data: str = ""
    device: str = "auto"
    precision: str = "auto"
    augment: str = "standard"
    optimizer: str = "sgd"
    gpu_decode: bool = False
    channels_last: bool = True
    compile: bool = False
    cuda_graphs: bool = False
    workers: int | None = None
    seconds: float = 2.0
    rounds: int = 5
    peers: bool = True


def bench(asked: Asked) -> dict[str, Any]:
    """Measure; gives the machine, samples/s, ratios, MFU, memory, and the milliseconds of each stage of a step."""
    job = make_job(asked)
    state, device = new_state(job), job.compute.device
    rows = np.arange(asked.batch_size) % len(job.train)
    batch = next(iter(job.train.pictures.batches([rows])))

    inputs, targets = prepare(job, rows, batch, Position())

    def synthetic() -> int:
        learn(state, rows, inputs, targets)
        return len(rows)

    def both(own_rows: NDArray[np.int64], pictures: Tensor) -> int:
        train_step(state, own_rows, pictures, Position())
        return len(own_rows)

    contenders: dict[str, Contender] = {
        "synthetic": lambda: again(synthetic),
        "loader": lambda: loading(job, lambda own_rows, _: len(own_rows)),
        "end_to_end": lambda: loading(job, both),
    }
    if asked.peers:
        contenders |= {name: partial(again, plain_loop(model, job)) for name, model in peers(job)}
    measured = measure(contenders, device, asked)
    rates = {name: rate.wall for name, rate in measured.items()}
    stages = {"loading": 1000 * asked.batch_size / rates["loader"]}
    stages |= stage_times(state, rows, batch, repeats=min(3, asked.rounds))
    known = describe(asked.model, size=asked.size, classes=asked.classes, small_input=job.config.small_input)
    peak, peak_from = peak_operations(device, job.compute.bf16)
    return {
        "asked": asdict(asked),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "precision": job.config.precision,
        "samples_per_second": rates,
        "samples_per_cpu_second": {name: rate.cpu for name, rate in measured.items()},
        "end_to_end_of_synthetic": rates["end_to_end"] / rates["synthetic"],
        "against": {name: rates["synthetic"] / rates[name] for name in rates if name.startswith(("torch", "timm"))},
        "mfu": 6 * known.flops * rates["synthetic"] / peak,
        "peak_flops": peak,
        "peak_from": peak_from,
        "memory_bytes": memory_in_use(device),
        "stage_ms": stages,
        "slowest": max(stages, key=lambda name: stages[name]),
    }


def make_job(asked: Asked) -> Job:
    """A job on generated pictures, or on the training split of `data`."""
    device = choose_device(asked.device)
    if asked.data:
        source = open_source(asked.data)
        samples = source.splits["train"]
        pictures, _ = load(samples, asked.size, device, choose_workers(asked.workers), gpu_decode=asked.gpu_decode)
        part = Part(pictures, samples.labels, list(samples.keys))
        classes = len(source.categories)
    else:
        classes, count, side = asked.classes, 2 * asked.batch_size, stored_side(asked.size)
        random = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (count, side, side, 3), generator=random, dtype=torch.uint8).to(device)
        part = Part(InMemory(pixels), np.arange(count) % classes, [str(row) for row in range(count)])
    small = None if asked.model == "article" else has_small_stem(asked.model) or asked.size <= SMALL_PICTURE
    config = RunConfig(
        data=asked.data or "generated",
        out="-",
        model=asked.model,
        small_input=small,
        size=asked.size,
        augment=asked.augment,
        batch_size=asked.batch_size,
        optimizer=asked.optimizer,
        lr=1e-3,
        device=asked.device,
        precision=choose_precision(asked.precision, device),
        channels_last=asked.channels_last,
        compile=asked.compile,
        cuda_graphs=asked.cuda_graphs,
    )
    compute = make_compute(device, config.precision, MEAN, STD, asked.channels_last)
    names = tuple(str(label) for label in range(classes))
    return Job(Path("-"), config, Stamp(asked.model, "-", names, 0, None, asked.size), compute, part, None, {})


Contender = Callable[[], Generator[int, None, None]]
"""Gives the steps of one turn: 0 when it is ready to be timed, then how many samples each step had."""


def again(step: Callable[[], int]) -> Generator[int, None, None]:
    """Turns of a contender that loads nothing."""
    yield 0
    while True:
        yield step()


def loading(job: Job, use: Callable[[NDArray[np.int64], Tensor], int]) -> Generator[int, None, None]:
    """Turns of a contender with a loader of its own, ready when what was decoded ahead at its start is used up."""
    batches = endless(job)
    pictures = job.train.pictures
    for _ in range(pictures.ahead if isinstance(pictures, Streamed) else 0):
        next(batches)
    yield 0
    with closing(batches):
        for rows, found in batches:
            yield use(rows, found)


def endless(job: Job) -> Generator[tuple[NDArray[np.int64], Tensor], None, None]:
    """Batches of the data, epoch after epoch."""
    for epoch in itertools.count():
        order = np.random.default_rng(epoch).permutation(len(job.train))
        batches = even_batches(order, job.config.batch_size)
        yield from zip(batches, job.train.pictures.batches(batches), strict=True)


@dataclass(frozen=True)
class Rate:
    """Samples a second of the wall, and a CPU second of this process, which other work on the machine hardly moves."""

    wall: float
    cpu: float


def measure(contenders: Mapping[str, Contender], device: torch.device, asked: Asked) -> dict[str, Rate]:
    """The rates of each, medians of rounds in turns; one contender's steps end before another's begin."""
    found: dict[str, list[Rate]] = {name: [] for name in contenders}
    for start in contenders.values():  # memory, kernels and compilation come first
        with closing(start()) as steps:
            for _ in range(3 if asked.rounds > 1 else 2):
                next(steps)
    for _ in range(asked.rounds):
        for name, start in contenders.items():
            with closing(start()) as steps:
                next(steps)
                wait(device)
                began, began_cpu, samples = time.perf_counter(), time.process_time(), 0
                while time.perf_counter() - began < asked.seconds / asked.rounds or not samples:
                    samples += next(steps)
                wait(device)
                cpu = max(1e-9, time.process_time() - began_cpu)
                found[name].append(Rate(samples / (time.perf_counter() - began), samples / cpu))
    return {
        name: Rate(median(rate.wall for rate in rates), median(rate.cpu for rate in rates))
        for name, rates in found.items()
    }


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def stage_times(state: State, rows: NDArray[np.int64], batch: Tensor, repeats: int = 3) -> dict[str, float]:
    """Milliseconds of each stage of a step after loading, one after the other and waited for; medians."""
    job, device = state.job, state.job.compute.device
    found: dict[str, list[float]] = {name: [] for name in ("augmenting", "forward", "backward", "optimiser")}

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        wait(device)
        began = time.perf_counter()
        yield
        wait(device)
        found[name].append(1000 * (time.perf_counter() - began))

    for number in range(repeats):
        with stage("augmenting"):
            inputs, targets = prepare(job, rows, batch, Position(step=number))
        state.optimiser.zero_grad()
        with stage("forward"), job.compute.autocast():
            loss = F.cross_entropy(state.forward(inputs).float(), targets)
        with stage("backward"):
            loss.backward()
        with stage("optimiser"):
            state.optimiser.step()
    return {name: median(times) for name, times in found.items()}


def peak_operations(device: torch.device, bf16: bool) -> tuple[float, str]:
    """Operations a second at best: what the maker states, or what one large matrix product reaches here."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for chip, peak in PEAKS.items():
            if chip in name and bf16:
                return peak, f"stated for {chip}, dense bf16"
    size = 4096 if device.type == "cuda" else 768
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16 if bf16 else torch.float32)
    times = []
    for _ in range(5):
        wait(device)
        began = time.perf_counter()
        a @ a
        wait(device)
        times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times), f"a product of {size} x {size} matrices, measured here"


def as_text(found: dict[str, Any]) -> str:
    """The lines that `python -m train bench` prints."""
    asked, rates = found["asked"], found["samples_per_second"]
    lines = [
        f"{asked['model']} at {asked['size']}, batch {asked['batch_size']}, {found['precision']}",
        f"{found['device']}, {found['threads']} threads, torch {found['torch']}",
        *(f"{name:<12} {rate:>12,.1f} samples/s" for name, rate in rates.items()),
        f"end to end   {found['end_to_end_of_synthetic']:>12.3f} of synthetic",
        *(f"against      {ratio:>12.2f} x {name} in a plain loop" for name, ratio in found["against"].items()),
        f"MFU          {found['mfu']:>12.1%} of {found['peak_flops'] / 1e12:,.2f} TFLOP/s ({found['peak_from']})",
        f"memory       {found['memory_bytes'] / 2**30:>12.2f} GiB",
        *(f"{name:<12} {ms:>12.2f} ms a step" for name, ms in found["stage_ms"].items()),
        f"slowest      {found['slowest']:>12}",
    ]
    return "\n".join(lines)
