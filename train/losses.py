"""The loss of each sample: cross entropy, and losses that a share of wrong labels harms less.

`gce`: Zhang and Sabuncu, "Generalized Cross Entropy Loss" (NeurIPS 2018), q = 0.7. `sce`: Wang et al., "Symmetric
Cross Entropy" (ICCV 2019), alpha 0.1, beta 1. `elr`: Liu et al., "Early-Learning Regularization" (NeurIPS 2020).
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

GCE_Q = 0.7
SCE_ALPHA, SCE_BETA, SCE_LOG_ZERO = 0.1, 1.0, -4.0
ELR_WEIGHT, ELR_MEMORY = 3.0, 0.7


def sample_losses(logits: Tensor, targets: Tensor, kind: str = "ce", smoothing: float = 0.0) -> Tensor:
    """Logits float32 [B, K] against targets (int64 [B], or float [B, K], rows sum to 1) -> float32 [B]."""
    if kind in ("ce", "elr"):
        return F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
    if targets.ndim == 1:
        targets = F.one_hot(targets, logits.shape[1]).float()
    if smoothing:
        targets = targets * (1 - smoothing) + smoothing / logits.shape[1]
    probability = logits.softmax(dim=1)
    if kind == "gce":
        return (targets * (1 - probability.clamp(min=1e-7) ** GCE_Q)).sum(dim=1) / GCE_Q
    forward = -(targets * logits.log_softmax(dim=1)).sum(dim=1)
    log_targets = targets.clamp(min=1e-7).log().clamp(min=SCE_LOG_ZERO)
    return SCE_ALPHA * forward - SCE_BETA * (probability * log_targets).sum(dim=1)


def early_learning(logits: Tensor, memory: Tensor, rows: Tensor) -> Tensor:
    """The term of `elr` for samples `rows`, float32 [B]; moves their part of `memory` float32 [N, K] along."""
    probability = logits.softmax(dim=1).clamp(1e-4, 1 - 1e-4)
    with torch.no_grad():
        seen = probability / probability.sum(dim=1, keepdim=True)
        memory[rows] = ELR_MEMORY * memory[rows] + (1 - ELR_MEMORY) * seen
    agreement = (memory[rows] * probability).sum(dim=1)
    return ELR_WEIGHT * (1 - agreement).clamp(min=1e-4).log()


def balanced_weights(labels: NDArray[np.int64], classes: int) -> Tensor:
    """A weight for each class so that all weigh the same in sum, with mean 1 over the samples; float32 [K]."""
    counts = torch.bincount(torch.as_tensor(labels), minlength=classes).float()
    present = counts > 0
    return torch.where(present, len(labels) / (present.sum() * counts.clamp(min=1)), torch.zeros(()))
