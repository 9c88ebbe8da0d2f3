"""The shipped HMM oracle (``hmm.npz``, described by ``hmm.json``) and the script that made it."""
