from textgan_bench.methods.nagan.decipherment import NAGANDecipherment
from textgan_bench.methods.nagan.method import NAGAN
from textgan_bench.methods.nagan.start import Start

__all__ = ["NAGAN", "NAGANDecipherment", "Start"]
