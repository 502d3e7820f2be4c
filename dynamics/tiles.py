"""Matrix times rows, in tiles: some rows of the matrix by some lanes at a time, their sums kept in registers.

A product written as loops is bound by loading and storing its sums. Here each sum runs over all columns in one go, in
the order of the plain text (landscapes/frame.py) and with its roundings, so that the bits are the same.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from .intrinsics import DOUBLE, INT32, INT64, intrinsic
from .jit import compiled_in_place

ROWS, WIDE, NARROW = 4, 16, 8


def _tile(rows: int, width: int) -> Any:
    """Return an intrinsic that adds the product of a tile of this size."""
    vector = ir.VectorType(DOUBLE, width) if width > 1 else DOUBLE

    @intrinsic
    def tile(typing_context: Any, matrix: Any, q: Any, out: Any, i: Any, j: Any, stop: Any) -> Any:
        """Add the sum over k < stop of matrix[i:i + rows, k] q[k, j:j + width] to out there."""

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            arrays = [
                context.make_array(kind)(context, builder, a)
                for kind, a in zip(signature.args[:3], arguments[:3], strict=True)
            ]
            bases = [builder.ptrtoint(array.data, INT64) for array in arrays]
            steps = [cgutils.unpack_tuple(builder, array.strides) for array in arrays]
            first, lane, end = arguments[3:]

            def at(which: int, row: Any, column: Any, kind: Any) -> Any:
                offset = builder.add(builder.mul(row, steps[which][0]), builder.mul(column, steps[which][1]))
                return builder.inttoptr(builder.add(bases[which], offset), kind.as_pointer())

            def spread(number: Any) -> Any:
                if width == 1:
                    return number
                single = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.Constant(INT32, 0))
                places = ir.Constant(ir.VectorType(INT32, width), [0] * width)
                return builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), places)

            numbers = [builder.add(first, ir.Constant(INT64, r)) for r in range(rows)]
            before = builder.block
            loop, done = builder.append_basic_block("column"), builder.append_basic_block("sums")
            builder.branch(loop)
            builder.position_at_end(loop)
            k = builder.phi(INT64)
            k.add_incoming(ir.Constant(INT64, 0), before)
            sums = [builder.phi(vector) for _ in range(rows)]
            z = builder.load(at(1, k, lane, vector), align=8)
            for total, row in zip(sums, numbers, strict=True):
                total.add_incoming(ir.Constant(vector, [0.0] * width if width > 1 else 0.0), before)
                term = builder.fmul(spread(builder.load(at(0, row, k, DOUBLE), align=8)), z)
                total.add_incoming(builder.fadd(total, term), loop)
            after = builder.add(k, ir.Constant(INT64, 1))
            k.add_incoming(after, loop)
            builder.cbranch(builder.icmp_signed("<", after, end), loop, done)
            builder.position_at_end(done)
            for total, row in zip(sums, numbers, strict=True):
                place = at(2, row, lane, vector)
                final = next(value for value, block in total.incomings if block is loop)
                builder.store(builder.fadd(builder.load(place, align=8), final), place, align=8)
            return context.get_dummy_value()

        return types.void(matrix, q, out, types.intp, types.intp, types.intp), build

    return tile


tile_rows_wide, tile_rows_narrow, tile_rows_one = _tile(ROWS, WIDE), _tile(ROWS, NARROW), _tile(ROWS, 1)
tile_row_wide, tile_row_narrow, tile_row_one = _tile(1, WIDE), _tile(1, NARROW), _tile(1, 1)


@compiled_in_place
def add_tiles(matrix: Any, q: Any, out: Any, lower: bool) -> None:
    """Add matrix q to out; where the matrix is lower triangular, leave out what is 0."""
    d, lanes = q.shape
    number = out.shape[0]
    if d == 0:
        return
    wide = lanes - lanes % WIDE
    narrow = lanes - lanes % NARROW
    i = 0
    while i + ROWS <= number:
        stop = min(i + ROWS, d) if lower else d
        for j in range(0, wide, WIDE):
            tile_rows_wide(matrix, q, out, i, j, stop)
        for j in range(wide, narrow, NARROW):
            tile_rows_narrow(matrix, q, out, i, j, stop)
        for j in range(narrow, lanes):
            tile_rows_one(matrix, q, out, i, j, stop)
        i += ROWS
    while i < number:
        stop = min(i + 1, d) if lower else d
        for j in range(0, wide, WIDE):
            tile_row_wide(matrix, q, out, i, j, stop)
        for j in range(wide, narrow, NARROW):
            tile_row_narrow(matrix, q, out, i, j, stop)
        for j in range(narrow, lanes):
            tile_row_one(matrix, q, out, i, j, stop)
        i += 1


def add_product(matrix: Any, q: Any, out: Any) -> None:
    """Stand in for the plain product."""
    add_tiles(matrix, q, out, False)


def add_lower_product(matrix: Any, q: Any, out: Any) -> None:
    """Stand in for the plain product of a lower triangular matrix."""
    add_tiles(matrix, q, out, True)
