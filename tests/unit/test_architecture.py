"""House rules that a machine can see, over everything that git tracks or would track.

Each test collects every breach and compares with none, so one run names all of them. A rule's
exceptions stand here as data with their reasons; an exception that no longer applies fails too.
"""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from parts import debian

from gateway.errors import ALL_PUBLIC_ERRORS, PUBLIC_ERRORS, GatewayError
from gateway.settings import setting_names, variable_name
from gateway.telemetry import Metrics
from inference.errors import InferenceError
from redaction.errors import RedactionError

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "inference", "redaction")
MOST_LINES = 500
MOST_FUNCTION_LINES = 60

# Path: why everything is caught there and not raised again.
CATCHES_ALL = {
    "gateway/edge/answer.py": "the pipeline's edge: an unknown exception becomes internal_error",
    "gateway/ledger/signing.py": "a thread's whatever, raised again where it is awaited",
}
# Path: why it imports late.
IMPORTS_INSIDE = {
    "gateway/commands/archive_place.py": "boto3 takes half a second; a bucket alone needs it",
}
# Path: why the file holds more than a docstring.
TELLING_INITS = {"redaction/__init__.py": "a library's public face"}
EMPTY_NAMES = {"utils", "helpers", "common", "base", "misc", "helper", "util"}
EMPTY_CLASS_NAMES = re.compile(r"^(I[A-Z][a-z]|Abstract|Base[A-Z])|(Manager|Helper|Impl)$")
BASES = (GatewayError, RedactionError, InferenceError)
METRIC_LABELS = {
    *("model", "step", "code", "outcome", "route", "status"),
    *("entity", "result", "cause", "destination"),
}

# Written so that this file does not name them itself.
_TOPS = {
    "org": ("pypi", "files.pythonhosted", "registry.npmjs"),
    "com": ("registry.yarnpkg", "repo.maven.apache"),
    "io": ("crates",),
}
REGISTRIES = tuple(f"{name}.{top}" for top, names in _TOPS.items() for name in names)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:w\x6frk|f\x61rm|r\x6fot)/[\w.]")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is in git, or would be after `git add`; relative to the root."""
    listing = subprocess.run(
        [
            "git",
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    paths = (Path(name) for name in sorted(set(listing.split("\0"))) if name)
    return tuple(path for path in paths if (ROOT / path).is_file())


@cache
def sources() -> tuple[Path, ...]:
    return tuple(path for path in tracked() if path.suffix == ".py")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def product() -> Iterator[Path]:
    return (path for path in sources() if path.parts[0] in PACKAGES)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_file_stays_within_500_lines() -> None:
    lengths = {path: (ROOT / path).read_bytes().count(b"\n") for path in sources()}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_function_stays_within_60_lines() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in sources()
        for node in functions(path)
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert long == []


def test_product_has_no_global_statement() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Global)
    ]
    assert found == []


def test_import_inside_a_function_happens_only_where_listed() -> None:
    found = {
        str(path)
        for path in product()
        for function in functions(path)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))
    }
    assert found == set(IMPORTS_INSIDE)


def test_type_checking_import_is_never_used_to_dodge_a_cycle() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in product()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"
    ]
    assert found == []


def test_everything_is_caught_only_where_listed() -> None:
    found = {
        str(path)
        for path in product()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and _catches_all(node.type)
        and not _raises_it_again(node)
    }
    assert found == set(CATCHES_ALL)


def _raises_it_again(handler: ast.ExceptHandler) -> bool:
    """Clean-up that ends in a bare `raise` hides nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _catches_all(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_catches_all(item) for item in caught.elts)
    return caught is None or (
        isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException")
    )


def test_package_init_holds_a_docstring_only() -> None:
    talkative = {
        str(path)
        for path in product()
        if path.name == "__init__.py" and not _is_docstring_only(tree(path))
    }
    assert talkative <= set(TELLING_INITS)


def _is_docstring_only(module: ast.Module) -> bool:
    return len(module.body) == 1 and ast.get_docstring(module) is not None


def test_file_name_says_something() -> None:
    assert [str(path) for path in sources() if path.stem in EMPTY_NAMES] == []


def test_class_name_says_something() -> None:
    found = [
        f"{path}:{node.lineno} {node.name}"
        for path in product()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and EMPTY_CLASS_NAMES.search(node.name)
    ]
    assert found == []


def test_environment_is_read_in_settings_alone() -> None:
    found = {
        str(path)
        for path in product()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    assert found <= {"gateway/settings.py"}


def test_every_module_but_a_test_has_a_docstring() -> None:
    others = (path for path in sources() if path.parts[0] != "tests")
    assert [str(path) for path in others if ast.get_docstring(tree(path)) is None] == []


def test_test_file_names_are_unique() -> None:
    names = [path.name for path in sources() if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


def test_no_tracked_file_names_a_registry_or_a_path_of_a_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # an image
        found += [f"{path}: {host}" for host in REGISTRIES if host in text]
        found += [f"{path}: {hit.group()}" for hit in MACHINE_PATHS.finditer(text)]
    assert found == []


def _subclasses(base: type[Exception]) -> Iterator[type[Exception]]:
    for child in base.__subclasses__():
        if child.__module__.partition(".")[0] in PACKAGES:
            yield child
            yield from _subclasses(child)


@pytest.fixture(scope="module")
def refusals() -> list[type[Exception]]:
    """Every exception class of the three trees, wherever in the product it is defined."""
    for path in product():
        names = {base.__name__ for base in BASES} | {row.__name__ for row in PUBLIC_ERRORS}
        if any(
            isinstance(node, ast.ClassDef)
            and any(isinstance(base, ast.Name) and base.id in names for base in node.bases)
            for node in ast.walk(tree(path))
        ):
            importlib.import_module(".".join(path.with_suffix("").parts))
    return [child for base in BASES for child in _subclasses(base)]


def test_every_refusal_has_public_words(refusals: list[type[Exception]]) -> None:
    without = [
        refusal.__name__
        for refusal in refusals
        if not any(base in PUBLIC_ERRORS for base in refusal.__mro__)
    ]
    assert without == []


def test_public_errors_have_one_code_each_and_words_in_both_languages() -> None:
    rows = ALL_PUBLIC_ERRORS
    codes = [row.code for row in rows]
    assert sorted(codes) == sorted(set(codes))
    for row in rows:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", row.code), row.code
        assert 400 <= row.status < 600 or row.code == "previewed", row.code
        assert re.search("[가-힣]", row.korean), row.code
        assert row.korean.endswith((".", "오.")), row.code
        assert row.english.isascii(), row.code
        assert row.english.endswith("."), row.code


def test_every_setting_has_a_sentence_and_stands_in_the_docs() -> None:
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    for name, sentence in setting_names().items():
        assert sentence.endswith("."), name
        assert f"`{name.rpartition('.')[2]}`" in page, name
        if "[]" not in name:
            assert f"`{variable_name(name)}`" in page, name


def test_every_metric_has_a_help_text_and_stands_in_the_docs() -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    for name, (kind, words) in Metrics().documented().items():
        assert name.startswith("gateway_"), name
        assert name.endswith("_total") == (kind == "counter"), name
        assert words.endswith("."), name
        assert f"`{name}`" in page, name


def test_metric_labels_come_from_the_closed_set() -> None:
    declared = [getattr(metric, "_labelnames", ()) for metric in vars(Metrics()).values()]
    assert any(declared), "no labels found: has the way in which metrics are declared changed?"
    assert {label for labels in declared for label in labels} <= METRIC_LABELS


def test_every_error_code_has_its_page() -> None:
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    codes = [row.code for row in ALL_PUBLIC_ERRORS]
    assert [code for code in codes if f"## `{code}`" not in page] == []


def test_no_benchmark_hides_a_package_from_its_neighbours():
    """A script's own directory stands first on Python's path: bench/redaction.py hid redaction/."""
    scripts = {path.stem for path in (ROOT / "bench").glob("*.py")}
    assert scripts
    assert not scripts & set(PACKAGES)


def test_every_package_of_a_lane_can_be_looked_for() -> None:
    lines = debian.LIST.read_text(encoding="utf-8").splitlines()
    named = {line.split()[1] for line in lines if line and not line.startswith("#")}
    assert named <= debian.FOUND_BY.keys()
