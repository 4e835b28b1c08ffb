"""`python -m train features RUN DATA`: what the last layer of a trained network sees of each sample, as npz."""

import io
from pathlib import Path

import numpy as np

from shards.atomic import write_whole
from train.commands.parsing import Parser

BATCH = 256


def make_parser() -> Parser:
    """The command's options."""
    parser = Parser(
        prog="python -m train features",
        description="Write key, split, label and features float32 [N, C] of every sample of a dataset.",
    )
    parser.add_argument("run", help="a run's folder, or its best.pt")
    parser.add_argument("data", help="a release, WebDataset tars, an ImageFolder, CIFAR's files")
    parser.add_argument("--out", default="features.npz", help="the file (default features.npz)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    parser.add_argument("--workers", type=int, help="threads that decode")
    return parser


def main(words: list[str]) -> int:
    """Write the file."""
    asked = make_parser().parse_args(words)
    import torch

    from train.data import even_batches, load
    from train.device import choose_workers
    from train.saved import open_saved
    from train.sources import open_source

    saved, source = open_saved(Path(asked.run), asked.device), open_source(asked.data)
    keys: list[str] = []
    splits: list[str] = []
    labels, features = [], []
    for name, samples in source.splits.items():
        pictures, _ = load(samples, saved.size, saved.compute.device, choose_workers(asked.workers))
        batches = even_batches(np.arange(len(samples)), BATCH)
        with torch.inference_mode():
            for found in pictures.batches(batches):
                features.append(saved.model.features(saved.inputs(found)).float().cpu().numpy())  # type: ignore[operator]
        keys += samples.keys
        splits += [name] * len(samples)
        labels.append(samples.labels)
    buffer = io.BytesIO()
    whole = np.concatenate(features)
    np.savez_compressed(
        buffer, key=np.array(keys), split=np.array(splits), label=np.concatenate(labels), features=whole
    )
    write_whole(Path(asked.out), buffer.getvalue())
    print(f"features {asked.out}: {whole.shape[0]:,} samples, {whole.shape[1]} numbers each")
    return 0
