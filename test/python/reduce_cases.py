"""Writes random arrays, and what NumPy reduces and scans them to, in the order in which
test/reduce_numpy_spec.lua walks them: sys.argv[1] is the folder.

Every case is an array in C order and a layout, which both sides apply. Results of floats come from the
array as float64, so that they are exact beside what is tested; `scale` tells the size of the terms that
were added, by which the tolerance of a sum goes.
"""
import sys
import warnings

import numpy as np

from layouts import lay

folder = sys.argv[1]
warnings.simplefilter('ignore')
rng = np.random.default_rng(20)

DTYPES = ['bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
          'float16', 'float32', 'float64']
SHAPES = [(1,), (7,), (130,), (1000,), (70003,), (3, 5), (64, 70), (40, 130), (5, 1, 6), (2, 3, 4, 5),
          (3, 0, 2), (9, 33, 17)]
LONG = ['plain', 'backwards']
LAYOUTS = ['plain', 'transposed', 'backwards', 'stepped', 'expanded']


def make(dtype, shape, special):
    if dtype == 'bool':
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.startswith('float'):
        x = rng.uniform(-2, 2, shape).astype(dtype)
        if special and x.size > 3:
            flat = x.reshape(-1)
            places = rng.integers(0, x.size, 3)
            flat[places] = [np.nan, np.inf, -np.inf][:len(places)]
        return x
    low = 0 if dtype.startswith('uint') else -100
    return rng.integers(low, 100, shape).astype(dtype)


integers, floats, scales = [], [], []


def give(x, scale=None):
    x = np.asarray(x)
    if x.dtype.kind in 'bui':
        integers.append(x.astype(np.uint64 if x.dtype.kind == 'u' else np.int64).astype(np.int64).reshape(-1))
        return
    x = x.astype(np.float64).reshape(-1)
    floats.append(x)
    scales.append(np.abs(x) if scale is None else np.asarray(scale, np.float64).reshape(-1))


def wide(x):
    return x.astype(np.float64) if x.dtype.kind == 'f' else x


def reduce_case(x, axes):
    w = wide(x)
    size = np.abs(w.astype(np.float64))
    n = int(np.prod([x.shape[a] for a in axes]))
    give(w.sum(axes), size.sum(axes))
    give(w.mean(axes), size.mean(axes))
    give(x.any(axes))
    give(x.all(axes))
    give(np.count_nonzero(x, axes))
    give(np.sqrt((w.astype(np.float64) ** 2).sum(axes)))
    give(size.sum(axes))
    if n > 1:
        give(w.astype(np.float64).var(axes, ddof=1))
        give(w.astype(np.float64).std(axes))
    if n > 0:
        give(x.max(axes))
        give(x.min(axes))
        if len(axes) == 1:
            give(x.argmax(axes[0]))
            give(x.argmin(axes[0]))


arrays = {}
count = 0
for dtype in DTYPES:
    for shape in SHAPES:
        special = shape in ((130,), (40, 130), (70003,))
        base = make(dtype, shape, special)
        arrays['a%d' % count] = base
        count += 1
        for layout in LAYOUTS if base.size < 10000 else LONG:
            x = lay(base, layout)
            reduce_case(x, tuple(range(x.ndim)))
            for axis in range(x.ndim):
                reduce_case(x, (axis,))
            if x.ndim > 2:
                reduce_case(x, (0, x.ndim - 1))
            for axis in range(x.ndim):
                w = wide(x)
                kind = np.float64 if w.dtype.kind == 'f' else (
                    np.int64 if dtype == 'bool' else w.dtype)
                give(np.cumsum(w, axis, dtype=kind), np.cumsum(np.abs(w.astype(np.float64)), axis))
                if dtype != 'bool':
                    give(np.maximum.accumulate(x, axis))

np.savez(folder + '/arrays.npz', **arrays)
np.save(folder + '/integers.npy', np.concatenate(integers))
np.save(folder + '/floats.npy', np.concatenate(floats))
np.save(folder + '/scales.npy', np.concatenate(scales))
