"""BatchNorm with a policy for which images of the global batch share statistics."""

from collections.abc import Callable

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules._functions import SyncBatchNorm
from torch.nn.modules.batchnorm import _BatchNorm

from cl_lightning.distributed import all_reduce_sum, world_size
from cl_lightning.encoders.groups import check_groups

POLICIES = ("sync", "split", "shuffle", "plain")


class PolicyBatchNorm(_BatchNorm):
    """BatchNorm (arXiv 1502.03167) over part or all of the global batch.

        y = (x - mean) / sqrt(var + eps) * weight + bias

    In training `mean` and the biased `var` are those of

    - `sync`: the whole global batch, on GPUs with the kernels of torch's SyncBatchNorm;
    - `split`: each of `groups` contiguous groups of the global batch, equally many on each process;
    - `shuffle`: the same; the method permutes the key batch before (MoCo, arXiv 1911.05722, 3.3);
    - `plain`: the batch of this process.

    Under every policy, running statistics are updated with the mean over all groups and processes of the
    groups' means and unbiased variances, so they are equal on all processes. `momentum=None` averages over
    all training forwards with equal weights. In evaluation the running statistics are used, as in torch.
    They stay float32 if the module is converted to half precision, in which small updates would vanish.

    `after` is applied to the result (the activation inside timm's BatchNorm layers). While `counts` is False,
    statistics are not updated, because the same forward has updated them before.

    Raises ValueError if the groups do not fit the batch (see `check_groups`).
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        policy: str = "sync",
        groups: int = 1,
        after: nn.Module | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine)
        self.policy, self.groups, self.after = policy, groups, after
        self.counts = True
        self.running_mean, self.running_var = wide(self.running_mean), wide(self.running_var)

    def forward(self, x: Float[Tensor, "batch features *space"]) -> Float[Tensor, "batch features *space"]:
        y = self._train(x) if self.training else self._evaluate(x)
        return y if self.after is None else self.after(y)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, policy={self.policy}, groups={self.groups}"

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "PolicyBatchNorm":
        exact = self.running_mean, self.running_var
        super()._apply(fn, recurse)
        if self.running_mean.element_size() < 4:
            device = self.running_mean.device
            self.running_mean, self.running_var = (s.to(device, torch.float32) for s in exact)
        return self

    @property
    def _affine(self) -> tuple[Tensor | None, Tensor | None]:
        """Weight and bias in the dtype of the statistics, as the kernels need it."""
        dtype = self.running_mean.dtype
        weight, bias = (None if p is None else p.to(dtype) for p in (self.weight, self.bias))
        return weight, bias

    @property
    def _updated(self) -> tuple[Tensor, Tensor]:
        """The statistics for a kernel that updates them; copies if the forward does not count."""
        mean, var = self.running_mean, self.running_var
        return (mean, var) if self.counts else (mean.clone(), var.clone())

    def _evaluate(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, *self._affine, eps=self.eps)

    def _train(self, x: Tensor) -> Tensor:
        processes = world_size()
        groups = self._groups_here(len(x), processes)
        if self.counts:
            self.num_batches_tracked.add_(1)
        if processes == groups == 1 and self.momentum is not None:
            return F.batch_norm(x, *self._updated, *self._affine, True, self.momentum, self.eps)
        if processes > 1 and self.policy == "sync":
            if x.is_cuda:
                return self._over_gpus(x, processes)
            y, mean, var = self._over_cpus(x, processes)
        else:
            y, mean, var = self._by_group(x, groups, processes)
        if self.counts:
            self._track(mean, var)
        return y

    def _groups_here(self, batch: int, processes: int) -> int:
        if self.policy in ("sync", "plain"):
            return 1
        check_groups(batch * processes, self.groups, processes)
        return self.groups // processes

    def _by_group(self, x: Tensor, groups: int, processes: int) -> tuple[Tensor, Tensor, Tensor]:
        # With momentum 1, batch_norm leaves a group's mean and unbiased variance in the buffers.
        stats, affine = self.running_mean.new_zeros(groups, 2, self.num_features), self._affine
        parts = [
            F.batch_norm(part, stats[i, 0], stats[i, 1], *affine, True, 1.0, self.eps)
            for i, part in enumerate(x.chunk(groups))
        ]
        mean, var = all_reduce_sum(stats.mean(0)) / processes
        return parts[0] if groups == 1 else torch.cat(parts), mean, var

    def _over_gpus(self, x: Tensor, processes: int) -> Tensor:
        # torch's layer SyncBatchNorm would work too, but DDP refuses it on a CPU.
        group = dist.group.WORLD, processes
        if self.momentum is not None:
            return SyncBatchNorm.apply(x, *self._affine, *self._updated, self.eps, self.momentum, *group)
        # With momentum 1 it leaves the batch's statistics; for 1 / n the host would have to read n.
        own = torch.zeros_like(self.running_mean), torch.zeros_like(self.running_var)
        y = SyncBatchNorm.apply(x, *self._affine, *own, self.eps, 1.0, *group)
        if self.counts:
            self._track(*own)
        return y

    def _over_cpus(self, x: Tensor, processes: int) -> tuple[Tensor, Tensor, Tensor]:
        wide = x if x.dtype == torch.float64 else x.float()
        reduced, channel = [0, *range(2, x.ndim)], [-1] + [1] * (x.ndim - 2)
        number = processes * (x.numel() // self.num_features)
        # Two passes, because E[x^2] - E[x]^2 would lose precision in float32.
        mean = all_reduce_sum(wide.sum(reduced)) / number
        centred = wide - mean.view(channel)
        var = all_reduce_sum(centred.square().sum(reduced)) / number
        scale = torch.rsqrt(var + self.eps)
        weight, bias = self._affine
        if weight is not None:
            scale = scale * weight
        y = centred * scale.view(channel)
        if bias is not None:
            y = y + bias.view(channel)
        return y.to(x.dtype), mean.detach(), var.detach() * (number / (number - 1))

    @torch.no_grad()
    def _track(self, mean: Tensor, var: Tensor) -> None:
        for running, new in ((self.running_mean, mean), (self.running_var, var)):
            change = new.to(running.dtype) - running
            running += change / self.num_batches_tracked if self.momentum is None else change * self.momentum


def wide(statistic: Tensor) -> Tensor:
    """The statistic in at least float32."""
    return statistic.to(torch.promote_types(statistic.dtype, torch.float32))
