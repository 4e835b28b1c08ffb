"""What may happen to a training picture: named presets, and words that add to one, as in `cifar+cutout+mixup`."""

from dataclasses import dataclass, replace

from train.errors import TrainError


@dataclass(frozen=True)
class Preset:
    """How far a picture may be moved and changed; each amount is drawn uniformly for each picture.

    `rotate` in degrees, both ways; `scale` the share of the side that is seen (below 1 zooms in); `aspect` the
    largest stretch of one side against the other; `shift` a share of the side, both ways; `flip` left to right: no,
    random, or alternate (at random in the first epoch, then the other way round each time, so that two epochs
    show each picture both ways); `colour` how far brightness, contrast and saturation may go from 1; `cutout` the
    side of a grey square, as a share; `policy` randaugment or trivialaugment; `mixup` and `cutmix` the alpha of
    their Beta distribution, 0 for none.
    """

    rotate: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    aspect: float = 1.0
    shift: float = 0.0
    flip: str = "no"
    colour: float = 0.0
    cutout: float = 0.0
    policy: str = ""
    mixup: float = 0.0
    cutmix: float = 0.0

    @property
    def whole_pixels(self) -> bool:
        """Whether pixels only move by whole steps, so that none is interpolated."""
        return self.rotate == 0 and self.scale == (1.0, 1.0) and self.aspect == 1


PRESETS = {
    "none": Preset(),
    "flip": Preset(flip="random"),
    "cifar": Preset(shift=0.125, flip="random"),  # 4 of 32 pixels and a flip: He et al., section 4.2
    "standard": Preset(rotate=15, scale=(0.8, 1.15), aspect=1.1, shift=0.1, flip="random"),
    "imagenet": Preset(scale=(0.5, 1.1), aspect=4 / 3, shift=0.25, flip="random"),
}

WORDS: dict[str, dict[str, float | str]] = {
    "shift2": {"shift": 0.0625},  # 2 of 32 pixels
    "alternate": {"flip": "alternate"},
    "colour": {"colour": 0.4},
    "cutout": {"cutout": 0.375},  # 12 of 32 pixels
    "randaugment": {"policy": "randaugment"},
    "trivialaugment": {"policy": "trivialaugment"},
    "mixup": {"mixup": 0.2},
    "cutmix": {"cutmix": 1.0},
}


def parse_augment(text: str) -> Preset:
    """A preset's name with words joined by `+`. TrainError (exit code 2) for a name or word that is not known."""
    name, *words = text.split("+")
    if name not in PRESETS or any(word not in WORDS for word in words):
        raise TrainError(
            f"{text!r} is not a value of augment.",
            hint=f"choose {', '.join(PRESETS)}, and add words such as cifar+cutout: {', '.join(WORDS)}",
            exit_code=2,
        )
    preset = PRESETS[name]
    for word in words:
        preset = replace(preset, **WORDS[word])  # type: ignore[arg-type]  # WORDS names fields with their types
    return preset
