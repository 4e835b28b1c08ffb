"""WebDataset tars of anybody: KEY.jpg (or .png, .webp) beside KEY.cls, found by one pass over the headers."""

import hashlib
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from train.errors import TrainError
from train.sources.kinds import EXTENSIONS, SPLIT_NAMES, Labelled, Source, decode, identity_of


@dataclass(frozen=True)
class Member:
    """Where a picture's bytes lie."""

    tar: Path
    offset: int
    length: int


def find_tars(path: Path) -> dict[str, list[Path]]:
    """Tars by split: a folder's name, else a word in the file's own name says which; train when nothing does."""
    files = [path] if path.is_file() else sorted([*path.glob("*.tar"), *path.glob("*/*.tar")])
    found: dict[str, list[Path]] = {}
    for file in files:
        words = [file.parent.name] if file.parent != path and path.is_dir() else []
        words += re.split(r"[^a-z]+", file.stem.lower())
        split = next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "train")
        found.setdefault(split, []).append(file)
    return found


def open_tars(path: Path) -> Source:
    """The tars under `path`. Categories: the lines of `classes.txt` beside them, else the labels' numbers."""
    read = {split: read_tars(files) for split, files in find_tars(path).items()}
    folder = path if path.is_dir() else path.parent
    highest = max((max(labels) for _, labels, _ in read.values() if labels), default=-1)
    named = folder / "classes.txt"
    categories = (
        tuple(named.read_text(encoding="utf-8").split("\n")[: highest + 1])
        if named.is_file()
        else tuple(str(label) for label in range(highest + 1))
    )
    if len(categories) <= highest:
        raise TrainError(
            f"{named} names {len(categories)} classes, but a sample has the label {highest}.",
            hint="write one class a line, in the order of the labels",
        )
    splits = {split: labelled(*parts) for split, parts in read.items() if parts[0]}
    return Source(
        name=path.resolve().stem, identity=identity_of(categories, splits), categories=categories, splits=splits
    )


def read_tars(files: list[Path]) -> tuple[list[str], list[int], list[Member]]:
    """Keys, labels and places of the pictures in `files`, in the order of the tars."""
    keys: list[str] = []
    labels: list[int] = []
    members: list[Member] = []
    for file in files:
        pictures: dict[str, Member] = {}
        classes: dict[str, int] = {}
        try:
            with tarfile.open(file) as tar:
                for info in tar:
                    folder, _, base = info.name.rpartition("/")
                    stem, _, extension = base.partition(".")
                    key = f"{folder}/{stem}" if folder else stem
                    if f".{extension.lower()}" in EXTENSIONS:
                        pictures[key] = Member(file, info.offset_data, info.size)
                    elif extension == "cls" and (opened := tar.extractfile(info)):
                        classes[key] = int(opened.read())
        except (tarfile.TarError, ValueError, OSError) as error:
            raise TrainError(f"{file} cannot be read as WebDataset ({error}).", hint="check the file") from error
        without = [key for key in pictures if key not in classes]
        if without:
            raise TrainError(
                f"{file} has {len(without)} of {len(pictures)} pictures without a KEY.cls, such as {without[0]}.",
                hint="each picture KEY.jpg needs a KEY.cls with its label as a number from 0",
            )
        for key, member in pictures.items():
            if classes[key] < 0:
                raise TrainError(f"{file} gives {key} the label {classes[key]}.", hint="labels count from 0")
            keys.append(key)
            labels.append(classes[key])
            members.append(member)
    return keys, labels, members


def labelled(keys: list[str], labels: list[int], members: list[Member]) -> Labelled:
    """The samples, each read by its offset."""

    def read(row: int) -> bytes:
        member = members[row]
        descriptor = os.open(member.tar, os.O_RDONLY)
        try:
            return os.pread(descriptor, member.length, member.offset)
        finally:
            os.close(descriptor)

    def picture(row: int, least: int = 0) -> Image.Image:
        return decode(read(row), f"{keys[row]} in {members[row].tar}", least)

    def origin(row: int) -> tuple[str, str]:
        sha256 = hashlib.sha256(read(row)).hexdigest()
        return sha256, sha256

    return Labelled(keys=keys, labels=np.array(labels, np.int64), picture=picture, origin=origin, encoded=read)
