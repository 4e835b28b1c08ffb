"""An optimiser by its name, for what is not frozen in a network."""

from typing import Any, Protocol

import torch
from torch import nn

from train.optim.groups import Group, make_groups
from train.optim.muon import Muon
from train.optim.rates import DEFAULT_RATES
from train.optim.sgd import FusedSGD, NesterovSGD

SGD_BESIDE_MUON = DEFAULT_RATES["sgd"] / DEFAULT_RATES["muon"]  # of stem, head, norms and biases


class Optimiser(Protocol):
    """What every optimiser here offers; `param_groups` have `lr` and `scale`, and `lr` is set before each step."""

    param_groups: list[Any]

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def step(self) -> Any:
        """Move every parameter that has a gradient."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """The inverse of `state_dict`."""


def make_optimiser(
    model: nn.Module, name: str, *, lr: float, momentum: float, weight_decay: float, layer_decay: float = 1.0
) -> Optimiser:
    """The optimiser `name` for what is not frozen in `model`, at `lr`."""
    groups = make_groups(model, weight_decay, layer_decay)
    for group in groups:
        group["lr"] = lr * group["scale"]
    on_gpu = any(p.is_cuda for p in model.parameters())
    if name == "muon":
        return Both(*split_for_muon(groups), momentum, lr)
    if name == "sgd":
        return make_plain_sgd(groups, momentum, on_gpu)
    kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
    return kind(groups, lr=lr, betas=(momentum, 0.999), fused=on_gpu)


def make_plain_sgd(groups: list[Group], momentum: float, on_gpu: bool) -> Optimiser:
    """Nesterov's SGD: torch's fused one on a GPU, ours on the CPU; either goes on from the other's state."""
    return FusedSGD(groups, momentum) if on_gpu else NesterovSGD(groups, momentum)


def make_sgd(model: nn.Module, *, lr: float, momentum: float, weight_decay: float) -> Optimiser:
    """SGD for `model` with the usual groups."""
    return make_optimiser(model, "sgd", lr=lr, momentum=momentum, weight_decay=weight_decay)


def split_for_muon(groups: list[Group]) -> tuple[list[Group], list[Group]]:
    """Groups of hidden filters, and groups of all the rest."""
    hidden: list[Group] = []
    rest: list[Group] = []
    for group in groups:
        pairs = list(zip(group["names"], group["params"], strict=True))
        inner = [(n, p) for n, p in pairs if p.ndim == 4 and n.removeprefix("backbone.") != "conv1.weight"]
        others = [pair for pair in pairs if not any(pair[1] is p for _, p in inner)]
        for members, to in ((inner, hidden), (others, rest)):
            if members:
                to.append({**group, "names": [n for n, _ in members], "params": [p for _, p in members]})
    return hidden, rest


class Both:
    """Muon for some groups and SGD for the others, stepping together."""

    def __init__(self, hidden: list[Group], rest: list[Group], momentum: float, lr: float) -> None:
        for group in rest:
            group["scale"] *= SGD_BESIDE_MUON * (1 - momentum)
            group["lr"] = lr * group["scale"]
        self.muon = Muon(hidden, momentum)
        self.sgd = NesterovSGD(rest, momentum)
        self.param_groups = [*hidden, *rest]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.muon.zero_grad()
        self.sgd.zero_grad()

    def step(self) -> None:
        """Move everything."""
        self.muon.step()
        self.sgd.step()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"muon": self.muon.state_dict(), "sgd": self.sgd.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.muon.load_state_dict(state["muon"])
        self.sgd.load_state_dict(state["sgd"])
