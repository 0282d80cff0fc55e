"""A faulty pipeline file is refused before anything runs: by line, job and key, and with what was expected."""

from __future__ import annotations

import pytest

from cosport.cli.pipeline import _shipped
from cosport.errors import PipelineError
from cosport.pipeline.check import check
from cosport.pipeline.cluster import Machine
from cosport.pipeline.reading import load, parse
from cosport.pipeline.start import fit
from tests.support import ROOT

HEAD = "pipeline: p\nmatrix: {}\ninputs:\n  fix: {}\njobs:\n"
PICK = "  pick:\n    stage: backport\n    with: {fix: '${inputs.fix}', to: '${branch}'}\n"

FAULTS = [
    ("jobs: [", "f.yaml:1: "),
    ("", "f.yaml: it is empty; expected keys"),
    ("pipeline: p\n", "f.yaml:1: jobs: no job"),
    ("pipeline: p\njobs:\n  a: {run: [x]}\n  a: {run: [y]}\n", "f.yaml:4: jobs.a: this key stands here twice"),
    ("pipeline: p\njobs:\n  a:\n    run: [x]\n    neds: [b]\n", "f.yaml:5: jobs.a.neds: no such key"),
    ("pipeline: p\njobs:\n  a:\n    run: [make, -1]\n", "f.yaml:4: jobs.a.run[1]: expected a string"),
    ("pipeline: p\nmatrix:\n  branches: [5.10]\njobs: {a: {run: [x]}}\n", "f.yaml:3: matrix.branches[0]: expected"),
    ("pipeline: p\njobs:\n  a: {run: make all}\n", "f.yaml:3: jobs.a.run: expected a list, got a string"),
    ("pipeline: p\njobs:\n  a: &x {run: [x]}\n  b: *x\n", "f.yaml:3: jobs.b: anchors and aliases"),
    ("pipeline: p\njobs:\n  a: {run: [x], time: 2 weeks}\n", "f.yaml:3: jobs.a.time: expected"),
    ("pipeline: p\njobs:\n  a: {run: [!!python/name:os.system x]}\n", "f.yaml:3: jobs.a.run[0]: a "),
    ("pipeline: p\njobs:\n  a: !!python/object:os.system {run: [x]}\n", "f.yaml:3: jobs.a: the tag "),
    ("pipeline: p\njobs:\n\ta: {run: [x]}\n", "f.yaml:3: a tab"),
    ("pipeline: p\nhelp: this: that\n", "f.yaml:2: a second colon"),
    ("pipeline: p\njobs: {a: {run: [x]}}\n---\npipeline: q\n", "f.yaml:3: a second document begins"),
    ("pipeline: p\nhelp: \x00\n", "f.yaml:2: the character '\\x00'"),
    ("pipeline: p\njobs:\n  a: {run: [x], time: 90}\n", 'f.yaml:3: jobs.a.time: expected a duration such as "90 s"'),
    ("pipeline: p\njobs:\n  time: 90\n", "f.yaml:3: jobs.time: expected a mapping"),
    ("pipeline: p\njobs:\n  a: {run: [x], resources: {memory: 4 GB}}\n", "f.yaml:3: jobs.a.resources.memory: "),
    ("pipeline: p\njobs:\n  a: {run: [x], where: cloud}\n", "f.yaml:3: jobs.a.where: expected here or worker, got"),
    ("pipeline: p\njobs:\n  a: {run: ['']}\n", "f.yaml:3: jobs.a.run[0]: expected a program"),
    ('pipeline: p\njobs:\n  a: {run: [x, "\\0repo\\0"]}\n', "f.yaml:3: jobs.a.run[1]: a NUL"),
    ("pipeline: p\ninputs:\n  a: {default: '${inputs.b}'}\njobs: {a: {run: [x]}}\n", "f.yaml:3: inputs.a.default: "),
    (HEAD + PICK + "  b:\n    run: [x]\n    needs: [pick]\n    when:\n      pick.ref: [a]\n      pick.outcome: 0\n",
     "f.yaml:14: jobs.b.when.pick.outcome: expected a list"),
    (HEAD + PICK + "  b:\n    run: [x]\n    needs: [pick]\n    when:\n      pick.ref: [a, 5]\n",
     "f.yaml:13: jobs.b.when.pick.ref[1]: expected a string"),
    ("pipeline: p\njobs:\n  a: {}\n", "f.yaml:3: jobs.a: expected either stage: or run:"),
    ("pipeline: p\njobs:\n  a:\n    stage: backprt\n", "f.yaml:4: jobs.a.stage: no stage is called 'backprt'"),
    ("pipeline: p\njobs:\n  a: {run: [x]}\n  b:\n    run: [x]\n    needs: [c]\n", "f.yaml:6: jobs.b.needs[0]: no job"),
    (
        "pipeline: p\njobs:\n  a: {run: [x], needs: [c]}\n  b: {run: [x], needs: [a]}\n  c: {run: [x], needs: [b]}\n",
        "f.yaml:3: jobs.a.needs: a circle: a -> c -> b -> a",
    ),
    ("pipeline: p\njobs:\n  a: {run: [x], needs: [a]}\n", "f.yaml:3: jobs.a.needs: a circle: a -> a"),
    ("pipeline: p\njobs:\n  a: {run: ['${inputs.fix}']}\n", "f.yaml:3: jobs.a.run[0]: no input is called 'fix'"),
    ("pipeline: p\njobs:\n  a: {run: ['${branch}']}\n", "f.yaml:3: jobs.a.run[0]: ${branch} stands for a cell"),
    ("pipeline: p\njobs:\n  a: {run: ['${HOME}']}\n", "f.yaml:3: jobs.a.run[0]: ${HOME} is no reference"),
    (HEAD + PICK + "  b: {run: ['${jobs.pick.commit}']}\n", "f.yaml:9: jobs.b.run[0]: this job does not need 'pick'"),
    (
        HEAD + PICK + "  b: {run: ['${jobs.pick.subject}'], needs: [pick]}\n",
        "f.yaml:9: jobs.b.run[0]: pick has no output 'subject'",
    ),
    (
        HEAD + PICK + "  b: {run: ['${jobs.pick.commit}'], needs: [pick], once: true}\n",
        "f.yaml:9: jobs.b.run[0]: pick runs once for each cell",
    ),
    (HEAD + PICK + "  b: {run: [x], when: {pick.outcome: [picked]}}\n", "f.yaml:9: jobs.b.when.pick.outcome: expected"),
    (HEAD + "  pick:\n    stage: backport\n    with: {fix: a}\n", "f.yaml:8: jobs.pick.with: backport needs"),
    (HEAD + PICK[:-2] + ", bgu: b/1}\n", "f.yaml:8: jobs.pick.with.bgu: backport takes no such argument"),
    (HEAD + PICK[:-2] + ", force: 'yes'}\n", "f.yaml:8: jobs.pick.with.force: expected true or false"),
    (HEAD + PICK + "    resources: {qemu: 1}\n", "f.yaml:9: jobs.pick.resources.qemu: only a job on a worker"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FAULTS, ids=[expected[8:60] for _, expected in FAULTS])
def test_a_fault_is_named_by_its_place(text: str, expected: str) -> None:
    with pytest.raises(PipelineError) as caught:
        check(parse(text, "f.yaml"))
    assert caught.value.what.startswith(expected)


@pytest.mark.parametrize(("resources", "key"), [("{qemu: 9}", "qemu"), ("{memory: 900 GiB}", "memory")])
def test_what_no_machine_has_is_refused(resources: str, key: str) -> None:
    source = parse(f"pipeline: p\njobs:\n  big:\n    run: [x]\n    resources: {resources}\n", "f.yaml")
    with pytest.raises(PipelineError) as caught:
        fit(source, [Machine(2, 8 << 30, 1), Machine(2, 4 << 30, 2)])
    assert caught.value.what.startswith(f"f.yaml:5: jobs.big.resources.{key}: no machine has that much")


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(PipelineError):
        parse("[" * 5000, "f.yaml")


@pytest.mark.parametrize("name", _shipped())
def test_what_ships_has_no_fault(name: str) -> None:
    check(load(ROOT / "pipelines" / f"{name}.yaml"))
