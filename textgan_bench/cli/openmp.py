"""How OpenMP's threads wait for each other; standard library only, called before torch is loaded.

A thread that waits in a loop for another one keeps a processor from it. Where each has a processor
of its own that is the fastest way, and the wheels of PyTorch bring GNU's library, which loops
300,000 times, about a millisecond, before it sleeps. It waits less only where the program itself
has more threads than the machine has processors, and knows nothing of other programs: beside them
a step of hundreds of waits takes up to fifteen times as long as one thread takes for it. Threads
that sleep soon still wait to be woken there, so one thread is faster yet where all processors stay
busy; but numbers depend on how many threads share the work, which is the user's to choose.
"""

import os

SPIN_COUNT = "6000"
"""Some microseconds: longer than two threads of equal work are apart (1000 cost a step 4 %, this 2)
and far less than the slice of time that another program is given."""

CHOICES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
"""Variables by which the user says how threads wait."""


def share_processors() -> None:
    """Let waiting threads of this process and its children sleep soon; a user's choice stays."""
    if not any(os.environ.get(name) for name in CHOICES):
        os.environ["GOMP_SPINCOUNT"] = SPIN_COUNT
