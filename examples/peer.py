"""A NumPy process that a Lua program talks to: see peer.lua.

Reads one line of Python at a time, runs it, and answers with what an interactive interpreter would
show. With a path as argument it maps that .npy file of bytes, and share() puts arrays there.
"""
import ast
import gc
import sys

import numpy as np

np.set_printoptions(linewidth=int(sys.argv[2]) if len(sys.argv) > 2 else 75)

# As a plain array, so that what lies in it prints as array(...), not memmap(...).
arena = np.load(sys.argv[1], mmap_mode='r+').view(np.ndarray) if len(sys.argv) > 1 else None
used = 0


def address(a):
    return a.__array_interface__['data'][0]


def room(nbytes):
    """Takes bytes of the shared file; returns where they begin in it."""
    global used
    start, used = used, used + (nbytes + 63) // 64 * 64
    if used > arena.nbytes:
        raise MemoryError('the shared file is full')
    return start


def share(values):
    """The same array, in the shared file."""
    values = np.asarray(values)
    a = np.ndarray(values.shape, values.dtype, buffer=arena, offset=room(values.nbytes))
    a[...] = values
    return a


def place(a):
    """Where an array begins in the shared file; None when it lies elsewhere."""
    start = address(a) - address(arena)
    return start if 0 <= start < arena.nbytes else None


def describe(a):
    """The array interface of an array in the shared file, as words."""
    if place(a) is None:
        raise ValueError('the array is not in the shared file')
    face = a.__array_interface__
    words = [place(a), face['typestr'], len(a.shape), *a.shape, *a.strides]
    return ' '.join(map(str, words))


class Interface:
    """What NumPy's own protocol asks of an object that has memory to share."""

    def __init__(self, start, typestr, shape, strides):
        self.__array_interface__ = {
            'version': 3, 'data': (address(arena) + start, False), 'typestr': typestr,
            'shape': shape, 'strides': strides}


def take(start, typestr, shape, strides):
    """The ndarray over memory that the other process describes."""
    return np.asarray(Interface(start, typestr, shape, strides))


def run(line, names):
    """Runs a line and returns what it shows: of its last statement, when that is an expression."""
    body = ast.parse(line).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), '<line>', 'exec'), names)
    if last is None:
        return ''
    value = eval(compile(ast.Expression(last.value), '<line>', 'eval'), names)
    return '' if value is None else value if isinstance(value, Words) else repr(value)


class Words(str):
    """Text that is shown as it is."""


def answer(state, text):
    data = text.encode()
    sys.stdout.buffer.write(b'%s %d\n%s' % (state, len(data), data))
    sys.stdout.flush()


names = {'np': np, 'gc': gc, 'hex': hex, 'Words': Words, 'arena': arena, 'share': share,
         'room': room, 'place': place, 'describe': describe, 'take': take, 'address': address}
answer(b'ready', np.__version__)
for line in sys.stdin:
    try:
        answer(b'ok', run(line, names))
    except Exception as error:
        answer(b'error', f'{type(error).__name__}: {error}')
