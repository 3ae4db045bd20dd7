"""What a run's images are: kept when it begins, compared when it goes on or is evaluated."""
