"""What do the ranks of one run exchange? Embeddings (with gradient, for losses), sums, and shuffled batches.

Every function is the identity, or its plain meaning, on one process.
"""

from cl_lightning.distributed.gather import gather
from cl_lightning.distributed.largest import largest
from cl_lightning.distributed.ranks import own_share, rank, world_size
from cl_lightning.distributed.reduce import all_reduce_sum
from cl_lightning.distributed.shuffle import permutation, shuffle

__all__ = ["all_reduce_sum", "gather", "largest", "own_share", "permutation", "rank", "shuffle", "world_size"]
