"""What both calibration baselines share: players, cameras, the pitch, and top views of them."""
