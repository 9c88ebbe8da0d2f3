from textgan_bench.methods.nagan.method import NAGAN

__all__ = ["NAGAN"]
