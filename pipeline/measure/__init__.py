"""What a network is worth: scores, gates, latency, the proof."""
