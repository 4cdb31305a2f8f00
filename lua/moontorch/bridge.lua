--- What is better said in Python: run once for a process, in a module of its own.

return [[
"""Moontorch's half that stands in Python; see moontorch.cpython in Lua."""
import sys
import traceback


def describe(kind, value, trace):
    return "".join(traceback.format_exception(kind, value, trace)).rstrip()


def refusal(x):
    """Why the values of x are not what its memory tells, or None."""
    ma = sys.modules.get("numpy.ma")
    if ma is not None and isinstance(x, ma.MaskedArray):
        return "a masked array is more than its memory: pass x.filled(value), or x.data without the mask"
    negated = getattr(x, "is_neg", None)  # PyTorch's own export does not look
    if callable(negated) and negated() is True:
        return "the tensor's memory holds the negatives of its values: pass x.resolve_neg()"


def interface(x):
    """An object's array interface: type, address or buffer, read-only, offset, shape, strides."""
    face = x.__array_interface__
    if face.get("mask") is not None:
        raise TypeError("masked arrays are not supported")
    data, readonly = face.get("data"), False
    if isinstance(data, tuple):
        data, readonly = data
    elif data is None:
        data = x
    code = face["typestr"]
    name = getattr(getattr(x, "dtype", None), "name", None)
    if "V" in code and name == "bfloat16":
        code = name
    if data is not x and not isinstance(data, int):
        data = memoryview(data)
    return code, data, bool(readonly), face.get("offset") or 0, tuple(face["shape"]), face.get("strides")


def dlpack(x, stream=None):
    """A fresh capsule of x, or where its memory is: that of CUDA is asked for with a stream."""
    kind, index = x.__dlpack_device__()
    device = int(kind), int(index)
    order = {}
    if device[0] in (2, 13) and stream is not None:
        order["stream"] = stream
    elif device[0] not in (1, 3):
        return device
    try:
        return x.__dlpack__(max_version=(1, 0), **order)
    except TypeError:
        pass  # it is older than versions
    return x.__dlpack__(**order)


class Tensor:
    """A tensor of Moontorch: memory for all that know __array_interface__ (not on a GPU) or __dlpack__."""

    __slots__ = ("__array_interface__", "_export", "_device", "__weakref__")

    def __dlpack_device__(self):
        return self._device

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        if self._device[0] == 1:
            if stream is not None:
                raise BufferError("memory of the CPU has no stream: stream must be None")
            stream = -1
        elif stream is None:
            stream = 1  # the legacy default stream
        elif stream == 0:
            raise BufferError("stream 0 is not allowed: 1 is the legacy default, 2 that of each thread")
        if dl_device is not None and tuple(dl_device) != self._device:
            raise BufferError(f"the tensor is on device {self._device}, not {tuple(dl_device)}")
        versioned = max_version is not None and max_version[0] >= 1
        return self._export(versioned, bool(copy), int(stream))


def export(face, capsule, device):
    self = Tensor()
    if device[0] == 1:
        self.__array_interface__ = face
    self._export, self._device = capsule, device
    return self


def array_api():
    """The capsule of NumPy's table of functions."""
    import numpy

    core = getattr(numpy, "_core", None) or numpy.core
    return core._multiarray_umath._ARRAY_API


def numpy(tensor, name):
    import numpy

    array = numpy.asarray(tensor)
    if name == "bfloat16":
        try:
            import ml_dtypes
        except ImportError:
            raise ImportError(
                "NumPy has no bfloat16 of its own: install ml_dtypes, or convert the tensor"
            ) from None
        array = array.view(ml_dtypes.bfloat16)
    return array
]]
