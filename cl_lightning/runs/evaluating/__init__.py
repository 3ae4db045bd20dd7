"""The evaluation of runs: accuracy of their encoders, and the files with the results."""
