"""What both pooling baselines call: VLAD arithmetic, maxima, clips, sliding windows."""
