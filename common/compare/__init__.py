"""Average-mAP of runs on the same games, with intervals over games and paired differences."""
