"""What a run knows of its images: kept as it begins, compared as it goes on, ends or is evaluated."""
