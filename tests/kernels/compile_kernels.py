"""Compile the kernels of a GPU for one of compute capability 9.0, which need not be there."""

from collections.abc import Collection
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from textgan_bench.kernels import triton_attention, triton_norm

INTEGERS = {"rows", "time", "heads"}
NUMBERS = {"eps", "scale", "rate"}
H200 = GPUTarget("cuda", 90, 32)


def size(kernel: Any, constants: dict[str, int], strides: Collection[str], warps: int) -> int:
    """Bytes of machine code."""

    def kind(name: str) -> str:
        if name in constants:
            return "constexpr"
        if name in INTEGERS or name in strides:
            return "i32"
        if name == "seed" and constants["drops"]:  # else another pointer stands there
            return "*i64"
        return "fp32" if name in NUMBERS else "*fp32"

    signature = {name: kind(name) for name in kernel.arg_names}
    places = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(fn=kernel, signature=signature, constexprs=places)
    compiled = triton.compile(source, target=H200, options={"num_warps": warps})
    return len(compiled.asm["cubin"])


def main() -> None:
    rows = {"width": 128, "BLOCK": 128, "ROWS": triton_norm.ROWS}
    for kernel in (triton_norm._forward, triton_norm._backward):
        for drops in (False, True):
            constants = {**rows, "drops": drops}
            print(kernel.__name__, size(kernel, constants, (), triton_norm.WARPS))
    print(triton_norm._twice.__name__, size(triton_norm._twice, rows, (), triton_norm.WARPS))
    parts = ("q", "k", "v", "x", "y", "z", "dq", "dk", "dv")
    strides = {f"{part}{axis}" for part in parts for axis in "bt"}
    head = {"size": 32, "T": 32, "D": 32}
    for kernel in (triton_attention._forward, triton_attention._backward):
        for drops in (False, True):
            constants = {**head, "drops": drops}
            print(kernel.__name__, size(kernel, constants, strides, triton_attention.WARPS))
    kernel = triton_attention._twice
    print(kernel.__name__, size(kernel, head, strides, triton_attention.WARPS))


if __name__ == "__main__":
    main()
