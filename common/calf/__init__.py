"""What CALF and its two calibration variants share: chunks, network, spotting loss, inference."""
