"""What training loops are written with: epochs, batches, checkpoints, devices, flags."""
