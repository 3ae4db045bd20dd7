"""Goes on inside the epoch in which the fit of a checkpoint has ended."""

from typing import Any


def reopen(loops: dict[str, Any], batches: int, accumulated: int) -> None:
    """Change the state of Lightning's loops so that a longer fit trains on the rest of the last epoch.

    Lightning counts an epoch that `max_steps` has ended as a whole one: a longer fit would leave out the
    rest of its images, and would have fewer steps than its schedule. Afterwards the state is that of a save
    inside the epoch, after its last batch. Whole epochs, and those that a hook has cut short, stay as they
    are.

    Args:
        loops: the state of the fit loop in a checkpoint.
        batches: the number of batches of an epoch.
        accumulated: the number of batches of an optimizer step.
    """
    epoch, batch = loops["epoch_progress"], loops["epoch_loop.batch_progress"]
    ended = epoch["current"]["processed"] == epoch["current"]["ready"]
    done = batch["current"]["ready"]
    if not ended or batch["is_last_batch"] or not 0 < done < batches or done % accumulated:
        return
    for count in (epoch["current"], epoch["total"]):
        count["processed"] -= 1
        count["completed"] = count["processed"]
    for count in (batch["current"], batch["total"]):
        count["completed"] = count["processed"] - 1
    loops["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1
