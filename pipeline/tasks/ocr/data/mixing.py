"""How real and synthetic pictures share the batches of a training.

Pictures are taken from two endless rows. The real one is all real pictures in a new order
again and again, the synthetic one is the pictures 0, 1, 2, ... of the renderer. Each batch
takes the next few of both, so which pictures a step sees follows from its number alone.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from pipeline.common.distributed import Ranks
from pipeline.common.errors import DataError
from pipeline.training.draws import generator


@dataclass(frozen=True)
class Mixture:
    """How many pictures of each kind a batch holds.

    Args:
        real: real pictures in a batch, over all ranks.
        synthetic: synthetic ones.
        pool: how many different real pictures there are.
        steps: batches per epoch.
    """

    real: int
    synthetic: int
    pool: int
    steps: int

    @classmethod
    def of(cls, pool: int, batch: int, share: float, epoch_images: int, ranks: Ranks) -> Self:
        """Batches of `batch` pictures of which `share` are synthetic.

        Args:
            pool: how many real pictures there are.
            batch: pictures in a batch, over all ranks.
            share: of synthetic pictures, in [0, 1].
            epoch_images: pictures per epoch; 0 takes as many as show every real one once.
            ranks: the processes; each gets at least one picture of a kind that is there.

        Raises:
            DataError: nothing real although some is wanted, an epoch of unknown or of no
                length, or batches too small to share.
        """
        if share < 1 and not pool:
            raise DataError(f"train: expected real images for a synthetic share of {share}")
        if share == 1 and not epoch_images:
            raise DataError(
                "train: expected epoch_images above 0 where every image is synthetic, found 0"
            )
        synthetic = round(batch * share / ranks.world) * ranks.world
        if 0 < share < 1:
            synthetic = min(max(synthetic, ranks.world), batch - ranks.world)
        # With fewer real images than a batch has room for, one of all of them.
        real = min(batch - synthetic, pool) // ranks.world * ranks.world
        if real + synthetic < 2 * ranks.world or (share < 1 and not real):
            raise DataError(
                f"train: expected at least 2 images per batch for each of {ranks.world} "
                f"process(es), and one of each kind, found batches of {real} real and "
                f"{synthetic} synthetic ones"
            )
        steps = epoch_images // (real + synthetic) if epoch_images else -(-pool // real)
        if steps < 1:
            raise DataError(
                f"train: expected epoch_images to fill a batch of {real + synthetic}, "
                f"found {epoch_images}"
            )
        return cls(real, synthetic, pool, steps)

    def real_numbers(self, seed: int, epoch: int, step: int, ranks: Ranks) -> Tensor:
        """Which real pictures this rank sees in a step: (real / world,) int64."""
        first = (epoch * self.steps + step) * self.real
        places = range(first, first + self.real)
        rounds = {place // self.pool for place in places}
        orders = {
            turn: torch.randperm(self.pool, generator=generator(seed, "order", turn))
            for turn in rounds
        }
        numbers = [int(orders[place // self.pool][place % self.pool]) for place in places]
        return torch.tensor(numbers[ranks.rank :: ranks.world], dtype=torch.int64)

    def synthetic_numbers(self, epoch: int, step: int, ranks: Ranks) -> range:
        """Which synthetic pictures this rank sees in a step; none is ever seen twice."""
        first = (epoch * self.steps + step) * self.synthetic
        return range(first + ranks.rank, first + self.synthetic, ranks.world)
