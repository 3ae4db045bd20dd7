"""The record of a run's images: saved when it begins, compared when it is resumed, finished or evaluated."""
