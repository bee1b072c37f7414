"""From arrays to numbers: matching, average-mAP, thresholds, intervals. numpy alone."""
