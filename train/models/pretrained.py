"""Weights from a file or URL into a network, and a list of what did not fit."""

import hashlib
import os
import pickle
import tempfile
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import torch
from torch import Tensor, nn

from train.errors import TrainError

Weights = dict[str, Tensor]
LARGEST = 8 << 30  # bytes of a file at a URL
WRAPPERS = ("module.", "_orig_mod.", "backbone.")  # what DataParallel, torch.compile and our heads put before names


@dataclass(frozen=True)
class Loaded:
    """Names of weights: loaded, those the file lacks, those the network lacks, those of another shape."""

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    other_shape: tuple[str, ...]

    def sentence(self) -> str:
        """What was taken and what was not."""
        parts = [f"{len(self.loaded)} tensors loaded"]
        for names, what in (
            (self.other_shape, "of another shape, left as they were"),
            (self.missing, "not in the file, left as they were"),
            (self.unknown, "in the file, but not in the network"),
        ):
            if names:
                parts.append(f"{len(names)} {what} ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})")
        return "; ".join(parts)


def read_weights(place: str) -> Weights:
    """The tensors in a file or at a URL: a state dict, one under a usual name, or a run's `best.pt`.

    Raises TrainError (exit code 2) for a place without such a file.
    """
    try:
        file = download(place) if place.startswith(("http://", "https://")) else Path(place)
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError, HTTPException) as error:
        raise TrainError(
            f"The weights at {place} cannot be read ({first_line(error)}).", "give a state dict or a best.pt", 2
        ) from error
    for name in ("weights", "state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    tensors = (
        {unwrapped(n): t for n, t in content.items() if isinstance(t, Tensor)} if isinstance(content, dict) else {}
    )
    if not tensors:
        raise TrainError(f"{place} holds no weights.", "give a state dict or a best.pt", 2)
    return tensors


def download(url: str) -> Path:
    """The file at a URL, kept beside torch's own downloads. TrainError where it is larger than weights are."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    file = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{Path(urlsplit(url).path).name or 'weights'}"
    if file.is_file():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as own, urlopen(url, timeout=60) as answer:  # noqa: S310  http or https
        part, size = Path(own) / "part", 0
        with part.open("wb") as written:
            while block := answer.read(1 << 20):
                size += len(block)
                if size > LARGEST:
                    raise TrainError(f"The file at {url} is larger than {LARGEST:,} bytes.", "give a weights file", 2)
                written.write(block)
        stated = answer.headers.get("Content-Length")
        if stated is not None and size != int(stated):
            raise OSError(f"{size} of {stated} bytes came")
        os.replace(part, file)
    return file


def digest_of(weights: Weights) -> str:
    """SHA-256 (hex) of names, kinds, shapes and values, whatever file they came in."""
    found = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def first_line(error: BaseException) -> str:
    """An error in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def unwrapped(name: str) -> str:
    """A weight's name without what wrappers put before it."""
    for prefix in WRAPPERS:
        name = name.removeprefix(prefix)
    return name


def load_partial(model: nn.Module, weights: Weights) -> Loaded:
    """Copy what fits by name and shape into `model`. TrainError (exit code 2) when nothing does."""
    own = model.state_dict()
    fitting = {name: t for name, t in weights.items() if name in own and own[name].shape == t.shape}
    if not fitting:
        raise TrainError("Nothing in the pretrained weights fits the network.", "check --model and --pretrained", 2)
    model.load_state_dict(fitting, strict=False)
    return Loaded(
        loaded=tuple(fitting),
        missing=tuple(name for name in own if name not in weights),
        unknown=tuple(name for name in weights if name not in own),
        other_shape=tuple(name for name in weights if name in own and name not in fitting),
    )
