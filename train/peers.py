"""What a network is compared with: torchvision's and timm's of the same name and our own, in a plain loop."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from train.job import Job


def peers(job: Job) -> Iterator[tuple[str, nn.Module]]:
    """torchvision's and timm's network of the same name where they have one and are installed; and ours, plainly."""
    import torchvision

    name, compute = job.config.model, replace(job.compute, channels_last=False)
    if name in torchvision.models.list_models():
        theirs = torchvision.models.get_model(name, weights=None, num_classes=job.classes)
        yield "torchvision", compute.place(with_stem(theirs, job))
    try:
        import timm
    except ImportError:
        pass
    else:
        if name in timm.list_models():
            yield "timm", compute.place(with_stem(timm.create_model(name, num_classes=job.classes), job))
    yield "torch_plain", compute.place(job.new_model())


def with_stem(theirs: nn.Module, job: Job) -> nn.Module:
    """Their network with the stem for small pictures where ours has it."""
    if job.config.small_input:
        theirs.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        theirs.maxpool = nn.Identity()
    return theirs


def plain_loop(model: nn.Module, job: Job) -> Callable[[], int]:
    """A step as every tutorial has it: prepared floats in the usual layout, autocast where asked, torch's own SGD."""
    compute = job.compute
    random = torch.Generator().manual_seed(0)
    shape = (job.config.batch_size, 3, job.stamp.size, job.stamp.size)
    x = torch.randn(shape, generator=random).to(compute.device)
    y = torch.randint(0, job.classes, (shape[0],), generator=random).to(compute.device)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)
    model.train()

    def step() -> int:
        optimiser.zero_grad()
        with compute.autocast():
            loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        return shape[0]

    return step
