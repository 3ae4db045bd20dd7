"""What the processes (ranks) of a run exchange: embeddings with gradient, sums, and shuffled batches.

On one process nothing is exchanged: every function returns its input or the plain result.
"""

from cl_lightning.distributed.gather import gather
from cl_lightning.distributed.largest import largest
from cl_lightning.distributed.ranks import own_share, rank, world_size
from cl_lightning.distributed.reduce import all_reduce_sum
from cl_lightning.distributed.shuffle import permutation, shuffle

__all__ = ["all_reduce_sum", "gather", "largest", "own_share", "permutation", "rank", "shuffle", "world_size"]
