"""The checks before a run writes anything."""
