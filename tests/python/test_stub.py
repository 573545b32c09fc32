"""The stub of the extension says what the built module has: the same names, the same arguments."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from millpond import _millpond

STUB = Path(__file__).resolve().parents[2] / "python" / "millpond" / "_millpond.pyi"


def test_classes_and_functions_agree() -> None:
    tree = ast.parse(STUB.read_text())
    stubbed = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    built = {name for name in dir(_millpond) if not name.startswith("_")}
    assert set(stubbed) == built
    for name, node in stubbed.items():
        if not isinstance(node, ast.ClassDef):
            continue
        methods = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
        there = {member for member in vars(getattr(_millpond, name)) if not member.startswith("__")}
        assert {method for method in methods if not method.startswith("__")} == there, name


def test_arguments_agree() -> None:
    tree = ast.parse(STUB.read_text())
    pond = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Pond")
    checked = 0
    for member in pond.body:
        if not isinstance(member, ast.FunctionDef) or member.decorator_list:
            continue
        method = getattr(_millpond.Pond, member.name)
        signature = (inspect.getdoc(method) or "").splitlines()[0]
        stub = [argument.arg for argument in member.args.args if argument.arg != "self"]
        for argument in stub:
            assert f"{argument}: " in signature, f"{member.name}: {argument} is not in {signature}"
        assert signature.count(": ") >= len(stub)
        checked += 1
    assert checked > 30
