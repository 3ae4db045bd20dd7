"""Hydra's sweepers and launchers. Hydra finds them only in the package hydra_plugins."""
