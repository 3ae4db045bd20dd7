"""What Hydra calls to run a sweep. Hydra takes sweepers and launchers from the package hydra_plugins only."""
