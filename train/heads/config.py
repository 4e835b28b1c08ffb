"""Everything that decides the training of a head."""

from dataclasses import dataclass

from train.errors import TrainError
from train.models import architecture_of

TASKS = ("attributes", "detect", "segment")


@dataclass(frozen=True)
class HeadConfig:
    """One training of a head; `lr` is AdamW's at its peak, `size` the side in pixels of what the network sees."""

    task: str
    data: str
    out: str
    model: str = "resnet18"
    width: float = 1.0
    small_input: bool | None = None
    pretrained: str = ""
    frozen: int = 0
    size: int | None = None
    epochs: int = 30
    batch_size: int = 16
    lr: float = 1e-3
    layer_decay: float = 1.0
    weight_decay: float = 1e-4
    seed: int = 0
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no training can have; TrainError with exit code 2."""
        if self.task not in TASKS:
            raise TrainError(f"{self.task!r} is not a task.", f"choose {', '.join(TASKS)}", 2)
        if self.model == "article":
            raise TrainError("The article's net has no stages for a head.", "choose a resnet", 2)
        architecture_of(self.model)
        if self.epochs < 1 or self.batch_size < 2 or not self.lr > 0:
            raise TrainError("Epochs, batch size or rate are too small.", "epochs 1, batch 2, rate above 0", 2)
