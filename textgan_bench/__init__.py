"""A benchmark suite of text GANs: methods, metrics, evaluation and the leaderboard."""
