"""What a network is made of: its layers in order with shapes, parameters and FLOPs, found by one dry pass.

FLOPs are multiply-adds of convolutions and linear layers, as He et al. count them in their table 1.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from train.models.blocks import BLOCKS, PadShortcut
from train.models.build import build_model


@dataclass(frozen=True)
class Layer:
    """One layer with parameters or a shortcut: its path in the model, and its output for one picture."""

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    flops: int


@dataclass(frozen=True)
class Block:
    """One residual block: what goes around it (identity, projection, padding, nothing), and what it holds."""

    name: str
    kind: str
    shortcut: str
    output: tuple[int, ...]
    parameters: int
    flops: int


@dataclass(frozen=True)
class Description:
    """A network in figures; `depth` counts weighted layers on the main path, as the network's name does."""

    name: str
    parameters: int
    flops: int
    depth: int
    layers: tuple[Layer, ...]
    blocks: tuple[Block, ...]

    def as_json(self) -> dict[str, Any]:
        """The form that `python -m train describe NAME --json` prints."""
        return asdict(self)


KINDS = tuple(BLOCKS.values())


def multiply_adds(module: nn.Module, output: Tensor) -> int:
    """Multiply-adds of one layer for one picture."""
    if isinstance(module, nn.Conv2d):
        per_pixel = module.weight.numel() // module.out_channels
        return per_pixel * output[0].numel()
    if isinstance(module, nn.Linear):
        return module.weight.numel()
    return 0


def describe(name: str, *, size: int, classes: int, small_input: bool | None = None, width: float = 1.0) -> Description:
    """Describe `name` for pictures of `size` x `size`; no weight is ever allocated (torch's meta device)."""
    with torch.device("meta"):
        model = build_model(name, classes, size=size, small_input=small_input, width=width).eval()
        picture = torch.empty(1, 3, size, size)
    layers: list[Layer] = []

    def watch(path: str, module: nn.Module) -> None:
        def seen(module: nn.Module, _inputs: Any, output: Tensor) -> None:
            layers.append(
                Layer(
                    name=path,
                    kind=type(module).__name__,
                    output=tuple(output.shape[1:]),
                    parameters=sum(p.numel() for p in module.parameters()),
                    flops=multiply_adds(module, output),
                )
            )

        module.register_forward_hook(seen)

    for path, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear | PadShortcut | nn.MaxPool2d):
            watch(path, module)
    found_blocks = {path: module for path, module in model.named_modules() if isinstance(module, KINDS)}
    with torch.no_grad():
        model(picture)
    weighted = [x for x in layers if x.kind in ("Conv2d", "Linear") and ".downsample" not in x.name]
    return Description(
        name=name,
        parameters=sum(p.numel() for p in model.parameters()),
        flops=sum(x.flops for x in layers),
        depth=len(weighted),
        layers=tuple(layers),
        blocks=tuple(block_of(path, module, layers) for path, module in found_blocks.items()),
    )


def block_of(path: str, module: nn.Module, layers: list[Layer]) -> Block:
    """A block's figures, summed over its layers."""
    own = [x for x in layers if x.name.startswith(f"{path}.")]
    around = getattr(module, "downsample", None)
    if not getattr(module, "residual", True):
        shortcut = "none"
    elif around is None:
        shortcut = "identity"
    else:
        shortcut = "padding" if isinstance(around, PadShortcut) else "projection"
    main = [x for x in own if not x.name.startswith(f"{path}.downsample")]
    return Block(
        name=path,
        kind=type(module).__name__,
        shortcut=shortcut,
        output=main[-1].output,
        parameters=sum(x.parameters for x in own),
        flops=sum(x.flops for x in own),
    )


def as_text(found: Description) -> str:
    """The table that `python -m train describe NAME` prints."""
    width = 2 + max(len(x.name) for x in found.layers)
    lines = [f"{'layer':<{width}}  {'kind':<14} {'output':<16} {'parameters':>12} {'FLOPs':>15}"]
    waiting = {block.name: block for block in found.blocks}
    for x in found.layers:
        block = waiting.pop(".".join(x.name.split(".")[:2]), None)
        if block is not None:
            lines.append(row_of(block, width) + f"  shortcut: {block.shortcut}")
        lines.append(row_of(x, width, indent="  " if "." in x.name else ""))
    lines.append(
        f"{found.name}: {found.depth} weighted layers, {found.parameters:,} parameters, "
        f"{found.flops:,} FLOPs (multiply-adds) for one picture"
    )
    return "\n".join(lines)


def row_of(x: Layer | Block, width: int, indent: str = "") -> str:
    """One line of the table."""
    shape = " x ".join(map(str, x.output))
    return f"{indent}{x.name:<{width - len(indent)}}  {x.kind:<14} {shape:<16} {x.parameters:>12,} {x.flops:>15,}"
