"""Where the time of training steps goes, for decision 1: `python docs/profiling.py`, a quiet machine wanted.

Trains one member per CPU device for one epoch under the compiler's profiler and sorts the operations of its steps, the
teacher's and the students', by what they are in the compiled program.
"""

import gzip
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import jax

from sottovoce.benchmarks import measure
from sottovoce.training import devices
from sottovoce.training.ensemble import _run_sharded, slots

# The first that matches an operation with all it is fused with. Heads have 10 or 13 columns.
KINDS = {
    "thin products of the heads": r"(?s)\[(?:\d+,)*1[03](?:,\d+)*\].* dot\(",
    "large products": r" dot\(",
    "turning factors over": r" transpose\(",
    "gathering the batch": r" gather\(",
    "Adam": r"closed_call/(?:add|sqrt|mul|div|sub|integer_pow|pow)\"",
    "the loss": r" conditional\(|softmax|_where| exponential\(",
    "sums over rows or columns": r" reduce\(",
    "biases and ReLU": r"/relu/| compare\(| maximum\(| select\(",
}


def main() -> None:
    """Profile, sort and print."""
    members = range(devices.configure("cpu"))
    protocol = replace(measure.PROTOCOL, teacher_epochs=1, student_epochs=1)
    work = (measure.published_program(protocol), *slots(members))
    jax.block_until_ready(_run_sharded(*work))
    with TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            jax.block_until_ready(_run_sharded(*work))
        (trace,) = Path(folder).rglob("perfetto_trace.json.gz")
        spent = durations(json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"])
    kinds = Counter[str]()
    for name, text in steps(_run_sharded.lower(*work).compile().as_text()).items():
        kinds[next((kind for kind, mark in KINDS.items() if re.search(mark, text)), "other")] += spent[name]
    for kind, microseconds in kinds.most_common():
        print(f"{kind:30s} {microseconds / kinds.total():6.1%}")


def durations(events: list[dict]) -> Counter[str]:
    """Return the microseconds of each operation in all."""
    spent = Counter[str]()
    for event in events:
        if event.get("ph") == "X":
            spent[event["name"]] += event["dur"]
    return spent


def steps(program: str) -> dict[str, str]:
    """Return the operations of all steps, each with the text of what it is fused with.

    A step is a computation that gathers a batch and multiplies.
    """
    bodies = dict(re.findall(r"^(?:ENTRY )?%(\S+) \([^\n]*\{\n(.*?)^\}", program, flags=re.M | re.S))
    found = {}
    for body in bodies.values():
        lines = re.findall(r"^  (?:ROOT )?%(\S+) = (.*)$", body, flags=re.M)
        called = {name: re.search(r"calls=%([\w.-]+)", line) for name, line in lines}
        texts = {name: line + (bodies[fused[1]] if (fused := called[name]) else "") for name, line in lines}
        if all(any(mark in text for text in texts.values()) for mark in (" gather(", " dot(")):
            found |= {name: text for name, text in texts.items() if " while(" not in text}
    return found


if __name__ == "__main__":
    main()
