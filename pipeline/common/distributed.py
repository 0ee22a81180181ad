"""Data-parallel training under torchrun: who this process is, and what ranks exchange.

Without torchrun there is one rank and every function here does nothing.
"""

import atexit
import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

# The others wait while the first one does a stage alone, for hours where it fine-tunes. That
# a process has died torchrun sees by itself.
PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class Ranks:
    """This process among the `world` that train together; rank 0 alone writes files."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.rank == 0

    def parallel(self, module: nn.Module) -> nn.Module:
        """`module`, its gradients averaged over the ranks at each backward pass."""
        if self.world == 1:
            return module
        # Batch norm counts its own shard; `agree` averages the statistics each epoch.
        return DistributedDataParallel(module, forward_sync_buffers=False)

    def total(self, values: Tensor) -> Tensor:
        """The sum of `values` over the ranks, on every rank."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def agree(self, module: nn.Module) -> None:
        """Average the floating-point buffers of `module` over the ranks, in place."""
        for buffer in module.buffers() if self.world > 1 else ():
            if buffer.is_floating_point():
                dist.all_reduce(buffer)
                buffer /= self.world

    def wait(self) -> None:
        """Return once every rank is here."""
        if self.world > 1:
            dist.barrier()


def join_ranks() -> Ranks:
    """Join the process group that torchrun describes; alone where there is none.

    The first call joins, later ones return the same ranks; the group ends with the process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Ranks()
    if not dist.is_initialized():
        gpu = torch.cuda.is_available()
        if gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if gpu else "gloo", timeout=PATIENCE)
        atexit.register(dist.destroy_process_group)
    return Ranks(dist.get_rank(), dist.get_world_size())
