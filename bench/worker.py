"""The other side of the benchmarks: times statements in NumPy and PyTorch on request.

With the argument `gpu` after the folder for files PyTorch and CuPy have their operands on a GPU, and a
measurement ends when the GPU has done what was queued.

Requests are lines of JSON on standard input, answers lines of JSON on standard output:
  {"do": "prepare", "id": 1, "library": "numpy", "threads": 1, "cores": [0],
   "setup": ..., "code": ...}
  {"do": "time", "id": 1, "count": 10}    ->  {"seconds": for all 10}
  {"do": "drop", "id": 1}
  {"do": "versions"}
"""
import json
import os
import sys
import time

import numpy as np

try:
    import torch
except ImportError:
    torch = None

GPU = "gpu" in sys.argv[2:]
cupy = cupyx = None
if GPU:
    if torch and not torch.cuda.is_available():
        torch = None
    try:
        import cupy
        import cupyx

        cupy.cuda.runtime.getDeviceCount()
    except Exception:  # it is not here, or it finds no GPU
        cupy = None

TEMPLATE = """
def make(np, torch, cupy, cupyx, os, tmp, data):
{setup}
    def run(count):
        start = clock()
        for _ in range(count):
{code}
        finish()
        return clock() - start
    return run
"""


def nothing():
    pass


def finish(library):
    """What waits for the work that a library has queued."""
    if not GPU:
        return nothing
    return torch.cuda.synchronize if library == "torch" else cupy.cuda.runtime.deviceSynchronize


class Data:
    """The operands that bench/make.lua tells of, by name; they are kept until the shape changes."""

    def __init__(self, library):
        self.library = library
        self.of = None
        self.kept = {}

    def __call__(self, name, shape, dtype):
        if self.of != (shape, dtype):
            self.of = shape, dtype
            self.kept = {}
        if name not in self.kept:
            self.kept[name] = self.fresh(name, shape, dtype)
        return self.kept[name]

    def fresh(self, name, shape, dtype):
        fixed = {"m": "bool", "r": "bool", "d": "float64", "f": "float32"}
        dtype = fixed.get(name, dtype)
        random = np.random.default_rng(list(name.encode())).random(shape, np.float32)
        if name == "a":
            x = random * 9.9 + 0.1
            x = x > 5 if dtype == "bool" else x
        elif name == "b":
            x = random * 2 + 0.5
            x = x > 1.5 if dtype == "bool" else x
        elif name == "s":
            x = random * 16 - 8
        elif name == "m":
            x = random > 0.5
        else:
            x = np.full(shape, name == "one", np.float32)
        if self.library == "torch":
            x = torch.from_numpy(x).clone().to(getattr(torch, dtype))
            return x.cuda() if GPU else x
        if self.library == "cupy":
            return cupy.asarray(x).astype(dtype)
        return x.astype(dtype)


def indent(text, columns):
    lines = text.strip("\n").split("\n")
    return "\n".join(" " * columns + line for line in lines)


def prepare(request, tmp, data):
    library = request["library"]
    if {"numpy": np, "torch": torch, "cupy": cupy}[library] is None:
        return None
    if "cores" in request:
        os.sched_setaffinity(0, request["cores"])
    if library == "torch":
        torch.set_num_threads(request["threads"])
    source = TEMPLATE.format(
        setup=indent(request["setup"] or "pass", 4), code=indent(request["code"], 12)
    )
    space = {"clock": time.perf_counter, "finish": finish(library)}
    exec(compile(source, request["code"], "exec"), space)
    return space["make"](np, torch, cupy, cupyx, os, tmp, data[library])


def main():
    tmp = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints does not belong into the answers
    # Overflow is part of some rows; telling of it is no part of the work.
    np.seterr(all="ignore")
    data = {library: Data(library) for library in ("numpy", "torch", "cupy")}
    runs = {}
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        try:
            if request["do"] == "prepare":
                run = prepare(request, tmp, data)
                runs[request["id"]] = run
                answer["ready"] = run is not None
            elif request["do"] == "time":
                answer["seconds"] = runs[request["id"]](request["count"])
            elif request["do"] == "drop":
                runs.pop(request["id"], None)
            elif request["do"] == "versions":
                answer["numpy"] = np.__version__
                answer["torch"] = torch.__version__ if torch else None
                answer["cupy"] = cupy.__version__ if cupy else None
        except Exception as problem:
            answer["error"] = f"{type(problem).__name__}: {problem}"
        answers.write(json.dumps(answer) + "\n")


main()
