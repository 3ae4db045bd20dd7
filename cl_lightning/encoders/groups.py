"""Checks that BatchNorm groups fit the global batch."""


def check_groups(global_batch: int, groups: int, world_size: int) -> None:
    """Raises ValueError unless `groups` divides the global batch into groups of two images or more.

    Every process holds `groups / world_size` groups, so the world size must divide the groups.
    """
    fits = groups > 0 and groups % world_size == 0 and global_batch % groups == 0
    if fits and global_batch // groups >= 2:
        return
    possible = [
        number
        for number in range(world_size, global_batch // 2 + 1, world_size)
        if global_batch % number == 0
    ]
    choice = f"one of {possible}" if possible else "none does, so take a larger data.batch_size"
    raise ValueError(
        f"{groups} BatchNorm groups for a global batch of {global_batch} on {world_size} process(es); "
        f"the groups have to divide the batch, leave two images or more in each, and be a multiple of "
        f"the processes: set encoder.batch_norm_groups ({choice})."
    )
