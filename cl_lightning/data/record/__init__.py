"""The record of a run's images: stored when it starts, compared when it is resumed or evaluated."""
