"""What a network says of pictures: logits of every sample of a part, in its order, whoever computes them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from train.augment.geometry import middle
from train.data import even_batches
from train.job import Job, Part

LEAST_BATCH = 256


def predict(model: nn.Module, part: Part, job: Job) -> NDArray[np.float32]:
    """Logits float32 [N, K] of every sample of `part`, in its order; no augmentation. Each process does its share."""
    model.eval()
    share = job.world.share(len(part))
    rows = np.arange(share.start, share.stop)
    batches = even_batches(rows, max(LEAST_BATCH, job.config.batch_size)) if len(rows) else []
    found = [torch.empty(0, job.classes)]
    with torch.inference_mode():
        for pictures in part.pictures.batches(batches):
            with job.compute.autocast():
                found.append(model(job.compute.normalise(middle(pictures, job.stamp.size))).float().cpu())
    return job.world.gather(torch.cat(found).numpy())
