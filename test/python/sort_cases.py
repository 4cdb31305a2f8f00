"""Writes random arrays, and how NumPy sorts them, in the order in which test/sort_spec.lua walks them:
sys.argv[1] is the folder.

Every case is an array in C order and a layout, which both sides apply. A descending order is NumPy's
stable one of the array turned round.
"""
import sys

import numpy as np

from layouts import lay

folder = sys.argv[1]
rng = np.random.default_rng(20)

DTYPES = ['bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16',
          'float32', 'float64']
SHAPES = [(0,), (1,), (7,), (12,), (25,), (400,), (401,), (20011,), (3, 5), (40, 70), (5, 1, 6), (2, 3, 4, 5),
          (3, 0, 2)]


def make(dtype, shape):
    """Few values, so that many are equal, in every other array; bits of any kind in the rest."""
    dtype = np.dtype(dtype)
    make.few = not make.few
    if dtype == bool:
        return rng.random(shape) < 0.5
    if make.few:
        x = rng.integers(0, 9, shape).astype(dtype)
        if dtype.kind != 'u':
            x -= dtype.type(4)
        if dtype.kind == 'f':
            x[rng.random(shape) < 0.2] = np.nan
            x[(x == 0) & (rng.random(shape) < 0.5)] = -0.0
        return x
    return rng.integers(0, 256, shape + (dtype.itemsize,), np.uint8).view(dtype).reshape(shape)


make.few = False


arrays = {}
positions, values = [], []
for dtype in DTYPES:
    for shape in SHAPES:
        base = make(dtype, shape)
        arrays['a%d' % len(arrays)] = base
        for layout in ['plain', 'transposed', 'backwards', 'stepped', 'expanded']:
            x = lay(base, layout)
            for axis in range(x.ndim):
                up = np.argsort(x, axis, kind='stable')
                down = x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis, kind='stable'), axis)
                for order in up, down:
                    positions.append(order.reshape(-1))
                    values.append(np.take_along_axis(x, order, axis).tobytes())
np.savez(folder + '/arrays.npz', **arrays)
np.save(folder + '/positions.npy', np.concatenate(positions))
open(folder + '/values', 'wb').write(b''.join(values))
