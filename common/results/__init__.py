"""From scores to detections, to files, and back: suppression, result files, run records."""
