"""The names of networks, and what each means; without torch, so that `--help` and a misspelt name need not wait."""

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches

from train.errors import TrainError


@dataclass(frozen=True)
class Architecture:
    """What tells one network of the family from another."""

    block: str  # basic | bottleneck
    blocks: tuple[int, ...]  # residual blocks in each stage
    widths: tuple[int, ...]  # channels of each stage's 3x3 convolutions
    stem: str  # large: 7x7 stride 2 and a pool · small: 3x3 stride 1, for pictures of about 32 to 64 pixels
    shortcut: str  # projection (option B) · pad (option A) · none (a plain network)
    pre: bool = False  # norm and ReLU before each convolution (He et al. 2016b)


IMAGENET_FAMILY = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
CIFAR_FAMILY = (20, 32, 44, 56, 110, 1202)
MODEL_NAMES = (
    *(f"{form}{depth}" for form in ("resnet", "preresnet", "plain") for depth in (*IMAGENET_FAMILY, *CIFAR_FAMILY)),
    "article",
)
MODELS_IN_WORDS = (
    f"resnet{'/'.join(map(str, IMAGENET_FAMILY))}, resnet{'/'.join(map(str, CIFAR_FAMILY))} or another depth 6n+2, "
    "preresnetN and plainN of the same depths, article"
)


def architecture_of(name: str) -> Architecture:
    """The architecture of `resnetN`, `preresnetN` or `plainN`.

    Any N = 6n+2 that ImageNet's family lacks is a CIFAR network.
    Raises TrainError (exit code 2) for a name that is none of the family.
    """
    match = re.fullmatch(r"(resnet|preresnet|plain)(\d+)", name)
    if match is None:
        raise unknown_model(name)
    form, depth = match[1], int(match[2])
    if depth in IMAGENET_FAMILY:
        block, blocks = IMAGENET_FAMILY[depth]
        found = Architecture(block, blocks, (64, 128, 256, 512), stem="large", shortcut="projection")
    elif depth >= 8 and (depth - 2) % 6 == 0:
        found = Architecture("basic", ((depth - 2) // 6,) * 3, (16, 32, 64), stem="small", shortcut="pad")
    else:
        raise unknown_model(name)
    if form == "plain":
        return replace(found, shortcut="none")
    return replace(found, pre=form == "preresnet")


def unknown_model(name: str) -> TrainError:
    """The sentence for a name that no model has."""
    near = get_close_matches(name, MODEL_NAMES, n=1, cutoff=0.75)
    meant = f"did you mean {near[0]}? There are" if near else "choose"
    return TrainError(
        f"There is no model called {name!r}.",
        hint=f"{meant} {MODELS_IN_WORDS}",
        exit_code=2,
    )


def has_small_stem(name: str) -> bool:
    """Whether the family gives `name` the stem for small pictures."""
    return name != "article" and architecture_of(name).stem == "small"
