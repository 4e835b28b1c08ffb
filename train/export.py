"""A trained network for other programs: torch.export and ONNX, for any batch size, checked against the original."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shards.atomic import write_whole
from train.errors import TrainError
from train.saved import Saved

TOLERANCE = 1e-4  # largest difference of an output, against the largest output


class WithPreprocessing(nn.Module):
    """uint8 [B, S, S, 3], RGB as a picture file decodes -> probabilities float32 [B, K], rows sum to 1."""

    mean: Tensor
    std: Tensor

    def __init__(self, saved: Saved) -> None:
        super().__init__()
        self.model = saved.model
        self.temperature = saved.temperature
        self.register_buffer("mean", saved.compute.mean.clone())
        self.register_buffer("std", saved.compute.std.clone())

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        x = (pictures.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return torch.softmax(self.model(x) / self.temperature, dim=1)


def exported(saved: Saved, preprocessing: bool) -> tuple[nn.Module, Tensor]:
    """What is exported, on the CPU, and an example of what it takes."""
    random = torch.Generator().manual_seed(0)
    side = saved.size
    if preprocessing:
        pictures = torch.randint(0, 256, (3, side, side, 3), generator=random, dtype=torch.uint8)
        return WithPreprocessing(saved).cpu().eval(), pictures
    return saved.model.cpu().eval(), torch.randn(3, 3, side, side, generator=random)


def export_torch(saved: Saved, file: Path, preprocessing: bool) -> float:
    """Write a torch.export program to `file`; gives the largest difference found when it was read again."""
    model, example = exported(saved, preprocessing)
    program = torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
    partial = file.with_name(f".{file.name}")
    torch.export.save(program, partial)
    partial.replace(file)
    again = torch.export.load(file).module()
    return check(model, lambda x: again(x).detach().numpy(), example)


def export_onnx(saved: Saved, file: Path, preprocessing: bool) -> float:
    """Write ONNX to `file`; gives the largest difference that onnxruntime finds. TrainError where that is missing."""
    try:
        import onnx  # noqa: F401  # torch.onnx needs these two, and says so less clearly
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise TrainError(
            f"ONNX needs {error.name}, which is not installed.", "pip install 'cairn-dataset[export]'", 2
        ) from error
    model, example = exported(saved, preprocessing)
    program = torch.onnx.export(
        model,
        (example,),
        input_names=["pictures"],
        output_names=["probabilities" if preprocessing else "logits"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props["categories"] = "\n".join(saved.categories)
    write_whole(file, program.model_proto.SerializeToString())
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return check(model, lambda x: session.run(None, {"pictures": x.numpy()})[0], example)


def check(model: nn.Module, other: Any, example: Tensor) -> float:
    """The largest difference of an output over batches of 1, 3 and 6. TrainError when it is more than 1e-4."""
    worst = 0.0
    for batch in (example[:1], example, torch.cat([example, example.flip(0)])):
        with torch.no_grad():
            ours = model(batch).numpy()
        theirs = np.asarray(other(batch))
        worst = max(worst, float(np.abs(ours - theirs).max() / max(1.0, float(np.abs(ours).max()))))
    if worst > TOLERANCE:
        raise TrainError(f"The exported network differs by {worst:.1e}.", "please report this with the model's name")
    return worst
