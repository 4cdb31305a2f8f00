"""Rows of checks for a Python that hosts LuaJIT through lupa; test/hosted.lua makes specs of them.

A script names its rows with @row and ends with run(). Each row becomes a line on standard output:
its outcome (ok, failed, skipped), its name and, for the last two, why, separated by tabs.
"""
import gc
import sys
import traceback

try:
    import lupa.luajit21 as lupa
except ImportError:
    import lupa

import numpy as np

try:
    import torch as pytorch
except ImportError:
    pytorch = None
try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

NO_PYTORCH = "this Python has no PyTorch; script/bootstrap --bench makes one, MOONTORCH_PYTHON names one"

rows = []


class Skip(Exception):
    pass


def row(name):
    def add(function):
        rows.append((name, function))
        return function

    return add


def new_state():
    """A Lua state, and Moontorch in it."""
    state = lupa.LuaRuntime(unpack_returned_tuples=True)
    state.execute("torch = require 'moontorch'")
    return state


def lua(state, body, *arguments):
    """Calls a Lua function, whose text is `body` over its arguments `...`."""
    return state.eval("function(...) " + body + " end")(*arguments)


def collect(state):
    for _ in range(3):
        state.execute("collectgarbage() collectgarbage()")
        gc.collect()


def address(array):
    return array.__array_interface__["data"][0]


def raises(part, function, *arguments):
    """function(*arguments) raises an error whose message holds `part`."""
    try:
        function(*arguments)
    except Exception as error:  # lupa has several kinds
        assert part in str(error), f"{part!r} is not in {error}"
        return
    raise AssertionError(f"no error, but one with {part!r} was expected")


def run():
    for name, function in rows:
        outcome, why = "ok", ""
        try:
            function()
        except Skip as reason:
            outcome, why = "skipped", str(reason)
        except BaseException:
            outcome, why = "failed", traceback.format_exc()
        print(outcome, name, why.replace("\t", " ").replace("\n", "\x1f"), sep="\t", flush=True)
    print("end", flush=True)
    sys.exit(0)
