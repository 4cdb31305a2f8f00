"""Operands for the comparison with NumPy: random, with specials, in every layout and broadcast."""
import numpy as np

FLOATS = {"float16", "float32", "float64"}
COMPLEX = {"complex64": "float32", "complex128": "float64"}


class Case:
    """family, name, ref; operands (arrays as NumPy sees them), places (offset and strides in the
    file); compute (the dtype that is computed in), result and shape; dims of a reduction."""

    dims = []
    position = False


def specials(dtype):
    """Zeros, ones, limits, and for floats infinities, NaN and denormals."""
    dtype = np.dtype(dtype)
    if dtype == bool:
        return np.array([False, True])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        few = [0, 1, 2, 3, 7, info.max, info.max - 1, info.max // 2]
        few += [-1, -2, -3, -7, info.min, info.min + 1] if dtype.kind == "i" else []
        return np.array(few, dtype)
    info = np.finfo(dtype)
    few = [0.0, 1.0, 0.5, 1.5, 2.5, 3.0, 0.1, 10.0, 88.5, 103.9, 709.5, 745.0, info.eps, info.tiny,
           info.tiny / 2, info.tiny * info.eps, info.max, info.max / 2, 1e-3, 1e4, np.pi, np.pi / 2]
    few = np.array(few).astype(dtype)
    return np.concatenate([few, -few, np.array([np.inf, -np.inf, np.nan], dtype)])


class Cases:
    def __init__(self):
        self.random = np.random.default_rng(20)
        self.list, self.bytes, self.size = [], [], 0

    # Values.

    def wide(self, n, dtype):
        """Random numbers of all magnitudes."""
        dtype = np.dtype(dtype)
        if dtype.kind in "iu":
            bits = self.random.integers(0, 256, (n, dtype.itemsize), np.uint8)
            shift = self.random.integers(0, 8 * dtype.itemsize, n).astype(dtype)
            return bits.view(dtype).reshape(n) >> shift
        info = np.finfo(dtype)
        power = self.random.uniform(np.log2(float(info.tiny)), np.log2(float(info.max)) - 1, n)
        return (self.random.choice([-1.0, 1.0], n) * np.exp2(power)).astype(dtype)

    def values(self, shape, dtype, domain=None):
        """Random numbers of moderate size: in `domain`, or around 0. Complex ones have size 1 then."""
        dtype = np.dtype(dtype)
        if dtype == bool:
            return self.random.random(shape) < 0.5
        if dtype.kind == "u":
            return self.random.integers(0, 12, shape).astype(dtype)
        if dtype.kind == "i":
            return self.random.integers(-12, 12, shape).astype(dtype)
        if dtype.kind == "c":
            size = self.random.uniform(0.5, 2, shape) if domain is None else 1
            return (size * np.exp(1j * self.random.uniform(-np.pi, np.pi, shape))).astype(dtype)
        low, high = domain or (-10, 10)
        x = self.random.uniform(low, min(high, float(np.finfo(dtype).max) / 2), shape)
        # Half of them near the lower bound, so that wide domains do not hide what is small.
        x = np.where(self.random.random(shape) < 0.5, x, low + (x - low) * self.random.random(shape) ** 12)
        return x.astype(dtype)

    def allowed(self, a, rule):
        """The second operand as the operator takes it from integers."""
        if a.dtype.kind not in "iu":
            return a
        if rule == "nonzero":
            return np.where(a == 0, a.dtype.type(5), a)
        if rule == "exponent":
            return a % a.dtype.type(6)
        if rule == "shift":
            return a % a.dtype.type(8 * a.dtype.itemsize)
        return a

    # Layouts: an array is put into the file, and seen through strides.

    def place(self, a):
        """Writes what a views, and tells where it begins."""
        base = a
        while base.base is not None:
            base = base.base
        raw = np.ascontiguousarray(base)
        begin = a.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        pad = -self.size % 64
        self.bytes += [b"\0" * pad, raw.tobytes()]
        offset = self.size + pad + begin
        self.size += pad + raw.nbytes
        return offset, a.strides

    def lay(self, a):
        """The same elements, lying in memory in some other way."""
        a = np.array(a)
        way = self.random.integers(0, 5)
        if way == 1 and a.ndim > 1:
            return a.T.copy().T
        if way == 2 and a.ndim > 0 and a.shape[-1] > 0:
            room = np.zeros(a.shape[:-1] + (2 * a.shape[-1],), a.dtype)
            room[..., ::2] = a
            return room[..., ::2]
        if way == 3 and a.ndim > 0 and a.size > 0:
            flip = (slice(None, None, -1),) * a.ndim
            return a[flip].copy()[flip]
        return a

    def broadcast(self, shape):
        """A shape that broadcasts to another."""
        shape = [1 if self.random.random() < 0.3 else n for n in shape]
        return tuple(shape[self.random.integers(0, 2) if len(shape) > 1 else 0:])

    def shape(self):
        ndim = self.random.integers(1, 4)
        return tuple(int(n) for n in self.random.integers(1, {1: 200, 2: 14, 3: 7}[int(ndim)], ndim))

    # Cases.

    def add(self, family, name, ref, operands, compute, result, shape, dims=()):
        case = Case()
        case.family, case.name, case.ref, case.dims = family, name, ref, list(dims)
        case.operands = [self.lay(a) for a in operands]
        case.places = [self.place(a) for a in case.operands]
        case.compute, case.result, case.shape = compute, result, shape
        self.list.append(case)

    def of_row(self, family, name, ref, dtypes, real, floating):
        for dtype in dtypes:
            if family in ("reduce", "scan"):
                self.along(family, name, ref, dtype)
                continue
            count = {"unary": 1, "predicate": 1, "ternary": 3}.get(family, 2)
            mixes = [[dtype] * count]
            if count > 1:
                mixes += [[dtype] + [str(d)] * (count - 1) for d in self.random.choice(dtypes, 2)]
            for mix in mixes:
                self.elementwise(family, name, ref, mix, dtypes, real, floating)

    def elementwise(self, family, name, ref, dtypes, allowed, real, floating):
        compute = dtypes[-1]
        for d in dtypes[name == "where":]:
            compute = np.promote_types(compute, d).name
        if floating and np.dtype(compute).kind in "biu":
            compute = {1: "float16", 2: "float32"}.get(np.dtype(compute).itemsize, "float64")
        result = "uint8" if ref.truth else COMPLEX.get(compute, compute) if real else compute

        def add(operands):
            if name == "where":
                operands[0] = operands[0].astype(bool)
            operands[1:] = [self.allowed(a, ref.second) for a in operands[1:]]
            shape = np.broadcast(*operands).shape
            self.add(family, name, ref, operands, compute, result, shape)

        mixed = len(set(dtypes)) > 1
        if mixed and not floating and compute not in allowed:
            return
        if not mixed and np.dtype(dtypes[0]).kind != "c":
            add(self.special(dtypes))
        for shape in [self.shape(), ()] if not mixed else [self.shape()]:
            shapes = [shape] + [self.broadcast(shape) for _ in dtypes[1:]]
            if len(dtypes) > 1 and self.random.random() < 0.5:
                shapes = shapes[1:] + shapes[:1]
            if shape == ():
                shapes = [shape] * len(dtypes)
            add([self.values(s, d, ref.domain) for s, d in zip(shapes, dtypes)])
        if not mixed:
            add([np.zeros((0, 3), d) for d in dtypes])

    def special(self, dtypes):
        """Each special with each; of one operand, with random numbers of all magnitudes."""
        if len(dtypes) == 1:
            a = specials(dtypes[0])
            return [a if a.dtype == bool else np.concatenate([a, self.wide(200, a.dtype)])]
        few = [specials(d) for d in dtypes]
        grid = [few[0][:, None], few[1][None, :]]
        # A third operand takes a random walk through its specials.
        return grid + [self.random.choice(x, (len(few[0]), len(few[1]))) for x in few[2:]]

    def along(self, family, name, ref, dtype):
        kind = np.dtype(dtype).kind
        for shape in [self.shape(), (4, 5, 6), (3, 300), (1,)]:
            a = self.values(shape, dtype, (0.5, 1.5) if "prod" in name else (-3, 3))
            if kind in "iu" and "prod" in name:
                a = a % np.dtype(dtype).type(3)
            # Some get infinities and NaN, which is all that they then show.
            if kind == "f" and self.random.random() < 0.3 and "prod" not in name:
                a.reshape(-1)[:: max(1, a.size // 3)] = self.random.choice([np.inf, -np.inf, np.nan])
            dims = [int(d) + 1 for d in self.random.permutation(len(shape))]
            one = name in ("argmax", "argmin") or family == "scan"
            choices = [dims[:1]] if one else [dims[:1], dims]
            if family == "reduce":
                choices.append([0])
            for chosen in choices:
                self.over(family, name, ref, a, dtype, chosen)

    def over(self, family, name, ref, a, dtype, dims):
        kind = np.dtype(dtype).kind
        full = dims == [0]
        if ref.truth:
            result = "uint8"
        elif name in ("argmax", "argmin", "count_nonzero"):
            result = "int64"
        elif name in ("mean", "var", "std", "norm"):
            result = "float64" if kind in "biu" else dtype
            result = COMPLEX.get(result, result) if name != "mean" else result
        elif name in ("sum", "prod", "cumsum", "cumprod"):
            # Torch7 keeps the dtype over a dimension; bool has no room for a sum.
            wide = "uint64" if kind == "u" else "int64"
            result = dtype if kind in "fc" or not full and kind != "b" else wide
        else:
            result = dtype
        if family == "scan":
            shape = a.shape
        else:
            shape = () if full else [1 if d + 1 in dims else n for d, n in enumerate(a.shape)]
        self.add(family, name, ref, [a], dtype, result, tuple(shape), dims)
