"""The other side of the benchmarks: times statements in NumPy and PyTorch on request.

Requests are lines of JSON on standard input, answers lines of JSON on standard output:
  {"do": "prepare", "id": 1, "library": "numpy", "threads": 1, "setup": ..., "code": ...}
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

TEMPLATE = """
def make(np, torch, os, tmp):
{setup}
    def run(count):
        start = clock()
        for _ in range(count):
{code}
        return clock() - start
    return run
"""


def indent(text, columns):
    lines = text.strip("\n").split("\n")
    return "\n".join(" " * columns + line for line in lines)


def prepare(request, tmp):
    if request["library"] == "torch":
        if torch is None:
            return None
        torch.set_num_threads(request["threads"])
    source = TEMPLATE.format(
        setup=indent(request["setup"] or "pass", 4), code=indent(request["code"], 12)
    )
    space = {"clock": time.perf_counter}
    exec(compile(source, request["code"], "exec"), space)
    return space["make"](np, torch, os, tmp)


def main():
    tmp = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints does not belong into the answers
    runs = {}
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        try:
            if request["do"] == "prepare":
                run = prepare(request, tmp)
                runs[request["id"]] = run
                answer["ready"] = run is not None
            elif request["do"] == "time":
                answer["seconds"] = runs[request["id"]](request["count"])
            elif request["do"] == "drop":
                runs.pop(request["id"], None)
            elif request["do"] == "versions":
                answer["numpy"] = np.__version__
                answer["torch"] = torch.__version__ if torch else None
        except Exception as problem:
            answer["error"] = f"{type(problem).__name__}: {problem}"
        answers.write(json.dumps(answer) + "\n")


main()
