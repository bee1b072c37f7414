"""What the baselines share: data, metric, training loop, result files."""
