"""What kernels need and Numba does not have, as LLVM instructions."""

from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic

intrinsic: Any = numba_intrinsic  # Numba passes the typing context itself, which no checker knows

INT64, INT32, DOUBLE, SINGLE = ir.IntType(64), ir.IntType(32), ir.DoubleType(), ir.FloatType()


def _single(value: float) -> Any:
    return ir.Constant(SINGLE, float(np.float32(value)))


@intrinsic
def float_bits(typing_context: Any, x: Any) -> Any:
    """Reinterpret a float64 as an int64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], INT64)

    return types.int64(types.float64), build


@intrinsic
def bits_float(typing_context: Any, x: Any) -> Any:
    """Reinterpret an int64 as a float64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], DOUBLE)

    return types.float64(types.int64), build


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a b + c, rounded once; three float32 give a float32."""
    kind = types.float32 if a == b == types.float32 else types.float64

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return kind(kind, kind, kind), build


@intrinsic
def high_product(typing_context: Any, a: Any, b: Any) -> Any:
    """Return the upper 64 bits of the 128-bit product of two uint64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), INT64)

    return types.uint64(types.uint64, types.uint64), build


@intrinsic
def split_single(typing_context: Any, u: Any) -> Any:
    """Return e and t, both float32, of u = 2^e (1 + t) with 1 + t in [1/sqrt(2), sqrt(2))."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], INT32)
        exponent = builder.ashr(builder.sub(bits, ir.Constant(INT32, 0x3F3504F3)), ir.Constant(INT32, 23))
        rest = builder.bitcast(builder.sub(bits, builder.shl(exponent, ir.Constant(INT32, 23))), SINGLE)
        parts = [builder.sitofp(exponent, SINGLE), builder.fsub(rest, _single(1.0))]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(types.float32, 2)(types.float32), build


@intrinsic
def signed_single(typing_context: Any, word: Any) -> Any:
    """Return a uint32, read as signed, times 2^-31: a float32 in [-1, 1]."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(builder.sitofp(arguments[0], SINGLE), _single(2.0**-31))

    return types.float32(types.uint32), build


@intrinsic
def flip_single(typing_context: Any, x: Any, word: Any) -> Any:
    """Return a float32 with its sign flipped where the lowest bit of a uint32 is set."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sign = builder.shl(arguments[1], ir.Constant(INT32, 31))
        return builder.bitcast(builder.xor(builder.bitcast(arguments[0], INT32), sign), SINGLE)

    return types.float32(types.float32, types.uint32), build


@intrinsic
def borrowed(typing_context: Any, value: Any) -> Any:
    """Return the same array or record without its owners.

    A kernel borrows what it is given: its caller keeps the arrays alive, and nothing inside needs to count references,
    which would cost more than a step.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _without_owner(context, builder, signature.return_type, arguments[0])

    return value(value), build


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = ir.Constant(array.meminfo.type, None)
        array.parent = ir.Constant(array.parent.type, None)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        fields = enumerate(list(cast(Any, kind)))
        parts = [_without_owner(context, builder, part, builder.extract_value(value, i)) for i, part in fields]
        return context.make_tuple(builder, kind, parts)
    return value


@intrinsic
def arguments_do_not_overlap(typing_context: Any) -> Any:
    """Promise that no two arrays among the arguments of the calling function overlap.

    Loops over them then need no check for it, which would take a fifth of the time of a short loop.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for argument in context.call_conv.get_arguments(builder.function):
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
        return context.get_dummy_value()

    return types.void(), build


@intrinsic
def one_lane(typing_context: Any, rows: Any, j: Any) -> Any:
    """Return lane j of rows (1, lanes), of a state (number, 1, lanes) or of a vector (lanes,), as arrays of one lane.

    Their shape is a constant, so that loops over coordinates and lanes vanish.
    """
    kind = rows.copy(layout="A")

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = context.make_array(rows)(context, builder, arguments[0])
        one = ir.Constant(INT64, 1)
        lane = context.make_array(kind)(context, builder)
        shape = cgutils.unpack_tuple(builder, whole.shape)[: max(rows.ndim - 2, 0)] + [one] * min(rows.ndim, 2)
        lane.data = builder.gep(whole.data, [arguments[1]])
        lane.shape, lane.strides = cgutils.pack_array(builder, shape), whole.strides
        lane.nitems, lane.itemsize = one, whole.itemsize
        lane.meminfo, lane.parent = ir.Constant(lane.meminfo.type, None), ir.Constant(lane.parent.type, None)
        return lane._getvalue()

    return kind(rows, types.intp), build
