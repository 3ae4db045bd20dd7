"""All that is refused before a run writes anything."""
